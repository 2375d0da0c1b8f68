/// Why an engine refused a model or a request, or failed on one.
///
/// It speaks to two audiences. `message` is for whoever called: it names what was wrong and what
/// was expected, and never a path, an address or the runtime's own text. `detail` is what the
/// runtime said, for the operator's log alone. Two errors are equal if their codes are.
package struct EngineError: Error, Sendable {
    /// What kind of failure it was: what decides on the status that a caller sees.
    package enum Code: Sendable, Hashable {
        /// The file is not a model, or a broken one. Another version of the bundle is needed.
        case invalidModel
        /// The request does not fit the model's signature, or the model refuses its values.
        case invalidInput
        /// The model is well formed, but uses something that this engine does not do.
        case unsupported
        /// The runtime failed on input that fits the signature.
        case runtimeFailed
        /// The run was ended through its ``RunStop``.
        case terminated
        /// The engine itself is not there, its library is missing, too old, or broken; or it has
        /// not enough memory. It may be there later.
        case unavailable
    }

    /// The kind of failure.
    package let code: Code
    /// One sentence without a final period, safe to send to a caller.
    package let message: String
    /// What the runtime or the system said: for the operator's log, empty if there is no more.
    package let detail: String

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: Text that is safe for callers.
    ///   - detail: Text for the operator alone.
    package init(_ code: Code, _ message: String, detail: String = "") {
        self.code = code
        self.message = message
        self.detail = detail
    }
}

extension EngineError {
    private static let outOfMemoryMessage = "there is not enough memory for the model"

    /// Memory has run out, whatever was being done.
    package static func outOfMemory(detail: String) -> EngineError {
        EngineError(.unavailable, outOfMemoryMessage, detail: detail)
    }

    /// Whether it is that memory has run out.
    package var isOutOfMemory: Bool { code == .unavailable && message == Self.outOfMemoryMessage }
}

extension EngineError: Equatable {
    package static func == (left: EngineError, right: EngineError) -> Bool {
        left.code == right.code
    }
}

extension EngineError: CustomStringConvertible {
    /// The message with its code, without `detail`.
    package var description: String { "\(code): \(message)" }
}
