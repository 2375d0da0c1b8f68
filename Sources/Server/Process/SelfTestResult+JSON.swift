package import JSON
package import Sandbox
internal import Text

/// The result of the sandbox's self-test as the command prints it and the server reads it.
extension SelfTestResult {
    /// It as one object.
    package var json: JSONValue {
        object([
            ("holds", .bool(holds)),
            ("landlock_version", .number("\(report.landlockVersion)")),
            ("filters_calls", .bool(report.filtersCalls)),
            ("attempts", .array(entries.map(json(of:)))),
        ])
    }

    /// Reads it; nil if it is none.
    init?(_ json: JSONValue) {
        var report = SandboxReport()
        guard case .number(let version)? = json["landlock_version"], let version = Int(version),
            case .bool(let filtersCalls)? = json["filters_calls"],
            case .array(let attempts)? = json["attempts"]
        else { return nil }
        report.landlockVersion = version
        report.filtersCalls = filtersCalls
        let entries = attempts.compactMap(Entry.init)
        guard entries.count == attempts.count else { return nil }
        self.init(report: report, entries: entries)
    }

    private func json(of entry: Entry) -> JSONValue {
        object([
            ("thing", .string(entry.thing)), ("answer", .string(entry.answer)),
            ("stopped", .bool(entry.isStopped)),
        ])
    }

    private func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { JSONValue.Member(name: ExactString($0), value: $1) })
    }
}

extension SelfTestResult.Entry {
    fileprivate init?(_ json: JSONValue) {
        guard case .string(let thing)? = json["thing"], case .string(let answer)? = json["answer"],
            case .bool(let isStopped)? = json["stopped"]
        else { return nil }
        self.init(thing: thing, answer: answer, isStopped: isStopped)
    }
}
