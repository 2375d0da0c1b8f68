internal import Text

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
        /// The model's queue or the server's is full, or the deadline would pass in it.
        case resourceExhausted
        /// The caller's deadline passed before the model was run.
        case deadlineExceeded
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
    /// Safe for any caller: no path and no key id; what it quotes of a runtime is cleaned.
    package let message: String
    /// What the operator's log gets besides; empty: nothing more is known.
    package let detail: String
    /// After how many nanoseconds the caller may try again; nil: nothing is known of that.
    package let retryAfterNs: UInt64?

    /// Makes an error.
    package init(
        _ code: Code,
        _ message: String,
        detail: String = "",
        retryAfterNs: UInt64? = nil
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.retryAfterNs = retryAfterNs
    }

    /// The operator's one line.
    package var description: String { detail.isEmpty ? message : "\(message) (\(detail))" }
}

extension ServingError {
    /// The one answer for a model that does not exist and for one that the caller may not know of.
    package static func unknownModel(_ model: String) -> ServingError {
        ServingError(.notFound, "model \(quoted(model)) does not exist")
    }

    static func unknownAlias(_ alias: String, model: String) -> ServingError {
        ServingError(.notFound, "model \(quoted(model)) has no alias \(quoted(alias))")
    }

    static func rejected(
        _ id: VersionID,
        reason: String,
        detail: String = ""
    ) -> ServingError {
        ServingError(.failedPrecondition, "\(id) was rejected: \(reason)", detail: detail)
    }

    static func exhausted(_ message: String, retryAfterNs: UInt64) -> ServingError {
        ServingError(.resourceExhausted, message, retryAfterNs: retryAfterNs)
    }

    /// The error of a request that waited, and lost its place in a full queue to a newer one.
    static func displaced(
        _ reason: ShareLedger.Reason,
        model: String,
        retryAfterNs: UInt64
    ) -> ServingError {
        let why =
            switch reason {
            case .share: "this caller had the most in it, and another caller needed room"
            case .priority: "a request of this caller with a higher priority needed room"
            }
        return exhausted(
            "the request lost its place in the queue of model \(quoted(model)): the queue is full, "
                + why,
            retryAfterNs: retryAfterNs
        )
    }

    static let cancelled = ServingError(.cancelled, "the call was cancelled")

    static let expired = ServingError(
        .deadlineExceeded,
        "the deadline passed before the model was run"
    )

    static let stopping = ServingError(.unavailable, "the server is stopping")
}
