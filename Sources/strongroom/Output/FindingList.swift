internal import JSON
internal import Registry
internal import Synchronization
internal import Text

/// Writes what a verification finds: at once as lines for people, at the end for programs.
final class FindingList: Sendable {
    /// Findings of one kind that the JSON lists; the rest is only counted.
    private static let maxListed = 10_000

    private let isText: Bool
    private let beforeLine: @Sendable () -> Void
    private let findings = Mutex<[Finding.Kind: [Finding]]>([:])
    /// Held while a line is written, so that two threads do not write into each other's.
    private let writing = Mutex(())

    /// - Parameter beforeLine: Called before each line, to end what else is on the terminal.
    init(_ format: OutputOptions.Format, beforeLine: @escaping @Sendable () -> Void = {}) {
        isText = format == .text
        self.beforeLine = beforeLine
    }

    func add(_ finding: Finding) {
        if isText {
            writing.withLock { _ in
                beforeLine()
                let prefix = finding.kind == .fault ? "" : "\(finding.kind.rawValue): "
                print("\(prefix)\(finding.description)".escaped)
            }
        } else {
            findings.withLock { findings in
                if findings[finding.kind, default: []].count < Self.maxListed {
                    findings[finding.kind, default: []].append(finding)
                }
            }
        }
    }

    /// The findings of a kind, in the order of their objects.
    func json(_ kind: Finding.Kind) -> JSONValue {
        let found = findings.withLock { $0[kind] ?? [] }
        let sorted = found.sorted {
            ($0.object, $0.field, $0.problem) < ($1.object, $1.field, $1.problem)
        }
        return .array(
            sorted.map { finding in
                .object([
                    "object": .string(finding.object), "field": .string(finding.field),
                    "problem": .string(finding.problem),
                ])
            }
        )
    }
}
