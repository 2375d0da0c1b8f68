internal import Wire

/// Why a call failed.
public struct StrongroomError: Error, Sendable, CustomStringConvertible {
    /// The status that the server answered, by its usual name: "NOT_FOUND", "UNAVAILABLE" ...
    public let code: String
    /// What was wrong and what was expected.
    public let message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    init(_ status: Status) {
        code = status.code.name
        message = status.message
    }

    init(_ code: StatusCode, _ message: String) {
        self.code = code.name
        self.message = message
    }

    /// The message, then the code.
    public var description: String { "\(message) (\(code))" }
}
