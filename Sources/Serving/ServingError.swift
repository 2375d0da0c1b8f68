/// Why a model could not be reached, loaded or run, with a text that a caller may read.
package struct ServingError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case invalidArgument
        case notFound
        case failedPrecondition
        case resourceExhausted
        case unavailable
        case dataLoss
        case cancelled
        case internalFailure
    }

    package let code: Code
    /// Safe for any caller: no path, key id or text of the runtime.
    package let message: String
    /// What the operator's log gets besides; empty: nothing more is known.
    package let detail: String

    package init(_ code: Code, _ message: String, detail: String = "") {
        self.code = code
        self.message = message
        self.detail = detail
    }

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
