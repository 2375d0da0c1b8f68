/// An engine's refusal of a model or a request, or its failure on one.
///
/// `message` is for the publisher or caller: it names what was wrong and what was expected, and
/// holds no path and no address; what it quotes of the runtime's text is cleaned. `detail` is for
/// the operator's log. Two errors are equal if their codes are.
package struct EngineError: Error, Sendable {
    /// What kind of failure it was: what decides on the status that a caller sees.
    package enum Code: Sendable, Hashable {
        /// The file is not a model, or a broken one. Another version of the bundle is needed.
        case invalidModel
        /// The request does not fit the model's signature, or the model refuses its values.
        case invalidInput
        /// The model is well formed, but uses something that this engine does not do.
        case unsupported
        /// The runtime failed, and no node refused the input.
        case runtimeFailed
        /// The run was ended through its ``RunStop``.
        case terminated
        /// The run was ended at its limit of time.
        case overTime
        /// The process that ran the model ended during the run by what it did itself: a fault, a
        /// forbidden system call, an exit. `message` names the signal.
        case processEnded
        /// The process that ran the model was ended during the run by another process or the
        /// system. The input is not to blame.
        case processLost
        /// An allocation failed. It may succeed later, or for a smaller input.
        case outOfMemory
        /// The engine's library is missing, too old, or broken. It may be there later.
        case unavailable
    }

    /// The kind of failure.
    package let code: Code
    /// One sentence without a final period, safe to send to a caller.
    package let message: String
    /// The text of the runtime or the system, for the operator's log; empty if `message` has it.
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

extension EngineError: Equatable {
    package static func == (left: EngineError, right: EngineError) -> Bool {
        left.code == right.code
    }
}

extension EngineError: CustomStringConvertible {
    /// The message with its code, without `detail`.
    package var description: String { "\(code): \(message)" }
}
