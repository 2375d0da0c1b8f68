package import Logging
package import NIOCore
internal import Synchronization
package import Wire

/// Bounds the log lines of failed calls: one line a second for a model, a code and a principal.
///
/// The first failure of a key is logged at once and whole. Those that follow within a second are
/// counted, and the key's next line says how many calls it stands for. ``flush(at:to:)`` writes the
/// lines of keys whose failures have ended.
package final class FailureLog: Sendable {
    /// Keys that are counted apart; the failures of further ones are counted together.
    package static let maxKeys = 1_024
    /// The time between two lines of a key.
    package static let interval = TimeAmount.seconds(1)

    /// The key of failures that share a line.
    package struct Key: Hashable, Sendable {
        /// Empty: not known.
        package let model: String
        package let code: StatusCode
        package let principal: Principal

        package init(model: String, code: StatusCode, principal: Principal) {
            self.model = model
            self.code = code
            self.principal = principal
        }

        /// A failure that only the server can mend is a warning; one that anybody on the network
        /// can cause without a certificate is not worth a line by default.
        var level: Logger.Level {
            switch code {
            case .internalError, .unknown, .dataLoss: .warning
            case .unauthenticated where principal == .anonymous: .debug
            default: .info
            }
        }
    }

    private struct Line {
        var loggedAt: NIODeadline
        /// Failures since then.
        var calls: UInt64 = 0
    }

    private struct State {
        var lines: [Key: Line] = [:]
        /// Of keys for which there was no place.
        var others: Line?
    }

    private let state = Mutex(State())

    package init() {}

    /// Notes a failure.
    /// - Returns: How many calls its line stands for; nil: it gets none now.
    func note(_ key: Key, at now: NIODeadline) -> UInt64? {
        state.withLock { state in
            guard state.lines[key] == nil, state.lines.count >= Self.maxKeys else {
                return Self.note(&state.lines[key], at: now)
            }
            return Self.note(&state.others, at: now)
        }
    }

    private static func note(_ line: inout Line?, at now: NIODeadline) -> UInt64? {
        guard let last = line, now - last.loggedAt < interval else {
            defer { line = Line(loggedAt: now) }
            return (line?.calls ?? 0) + 1
        }
        line?.calls += 1
        return nil
    }

    /// Writes the lines that are due, and forgets keys without a failure since their last line.
    /// To be called each second, and at the end with `now` nil, when all are due.
    package func flush(at now: NIODeadline?, to logger: Logger) {
        let (due, others) = state.withLock { state in
            var due: [(Key, UInt64)] = []
            for (key, line) in state.lines {
                var line = Optional(line)
                if let calls = Self.flush(&line, at: now) { due.append((key, calls)) }
                state.lines[key] = line
            }
            return (due, Self.flush(&state.others, at: now))
        }
        for (key, calls) in due {
            logger.log(level: key.level, "calls failed", metadata: Self.metadata(key, calls))
        }
        if let others {
            logger.info(
                "calls failed for further models, codes and principals",
                metadata: ["rpc.calls": "\(others)"]
            )
        }
    }

    /// - Returns: The calls of a line that is due.
    private static func flush(_ line: inout Line?, at now: NIODeadline?) -> UInt64? {
        guard let last = line else { return nil }
        if let now, now - last.loggedAt < interval { return nil }
        guard last.calls > 0 else {
            line = nil
            return nil
        }
        line = now.map { Line(loggedAt: $0) }
        return last.calls
    }

    private static func metadata(_ key: Key, _ calls: UInt64) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "rpc.calls": "\(calls)", "rpc.code": "\(key.code.name)",
            "principal": "\(key.principal.text)",
        ]
        if !key.model.isEmpty { metadata["model.name"] = "\(key.model)" }
        return metadata
    }
}
