/// Why a model could not be reached, loaded or run, with a text that a caller may read.
package struct ServingError: Error, Sendable, CustomStringConvertible {
    /// Kinds of failure; each has one status code of the protocol.
    package enum Code: Sendable, Equatable {
        /// The tensors do not fit the model.
        case invalidArgument
        /// There is no such model, alias or version.
        case notFound
        /// The version was rejected, or nothing answers for the alias.
        case failedPrecondition
        /// The model's queue is full.
        case resourceExhausted
        /// It may work later: a load goes on or failed for a passing reason, or the server stops.
        case unavailable
        /// The version's bytes are not the ones that were signed.
        case dataLoss
        /// Nobody waits for the answer any more.
        case cancelled
        /// The runtime failed on good input.
        case internalFailure
    }

    /// What kind of failure it is: what decides on the status that a caller sees.
    package let code: Code
    /// Safe for any caller: no path, key id or text of the runtime.
    package let message: String
    /// What the operator's log gets besides; empty: nothing more is known.
    package let detail: String

    /// Makes an error.
    package init(_ code: Code, _ message: String, detail: String = "") {
        self.code = code
        self.message = message
        self.detail = detail
    }

    /// The operator's one line.
    package var description: String { detail.isEmpty ? message : "\(message) (\(detail))" }
}

extension ServingError {
    /// The one answer for a model that does not exist and for one that the caller may not know of.
    package static func unknownModel(_ model: String) -> ServingError {
        ServingError(.notFound, "model '\(model)' does not exist")
    }

    static func unknownAlias(_ alias: String, model: String) -> ServingError {
        ServingError(.notFound, "model '\(model)' has no alias '\(alias)'")
    }

    static func rejected(
        _ id: VersionID,
        reason: String,
        detail: String = ""
    ) -> ServingError {
        ServingError(.failedPrecondition, "\(id) was rejected: \(reason)", detail: detail)
    }

    static let stopping = ServingError(.unavailable, "the server is stopping")
}
