internal import Wire

/// Why a call failed.
public struct StrongroomError: Error, Sendable, CustomStringConvertible {
    /// The status that the server answered, by its usual name: "NOT_FOUND", "UNAVAILABLE" ...
    public let code: String
    /// What was wrong and what was expected.
    public let message: String
    /// When the server may have room again, where it said so with a `RESOURCE_EXHAUSTED`. A caller
    /// that tries again adds a random part of its own: others were told the same.
    public let retryAfter: Duration?

    package init(code: String, message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    init(_ status: Status) {
        self.init(
            code: status.code.name,
            message: status.message,
            retryAfter: status.retryAfterNs.map { .nanoseconds(Int64(clamping: $0)) }
        )
    }

    init(_ code: StatusCode, _ message: String) {
        self.init(code: code.name, message: message)
    }

    /// The message, then the code.
    public var description: String { "\(message) (\(code))" }
}
