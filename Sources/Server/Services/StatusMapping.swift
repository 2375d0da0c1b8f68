internal import Logging
internal import Registry
internal import Serving
internal import Wire

extension Status {
    init(_ error: ServingError) {
        let code: StatusCode =
            switch error.code {
            case .invalidArgument: .invalidArgument
            case .notFound: .notFound
            case .failedPrecondition: .failedPrecondition
            case .resourceExhausted: .resourceExhausted
            case .deadlineExceeded: .deadlineExceeded
            case .unavailable: .unavailable
            case .dataLoss: .dataLoss
            case .cancelled: .cancelled
            case .internalFailure: .internalError
            }
        let retry = error.retryAfterNs.map { StatusDetail.retry(afterNs: $0) }
        self.init(code, error.message, details: retry.map { [$0] } ?? [])
    }

    init(_ error: RegistryError) {
        let code: StatusCode =
            switch error.code {
            case .notFound: .notFound
            case .invalidArgument: .invalidArgument
            case .failedPrecondition: .failedPrecondition
            case .aborted: .aborted
            case .alreadyExists: .alreadyExists
            case .outOfRange: .outOfRange
            case .dataLoss: .dataLoss
            case .resourceExhausted: .resourceExhausted
            case .unavailable: .unavailable
            case .internalFailure: .internalError
            }
        self.init(code, error.message)
    }

    /// The one place where an error becomes what a caller sees; what only the operator may see
    /// goes to the log.
    static func of(_ error: any Error, method: String, logger: Logger) -> Status {
        let detail: String
        let status: Status
        switch error {
        case let error as Status: return error
        case let error as WireError: return error.status
        case let error as ServingError:
            status = Status(error)
            detail = error.detail
        case let error as RegistryError:
            status = Status(error)
            detail = error.detail
        case is CancellationError: return Status(.cancelled, "the call was cancelled")
        default:
            status = Status(.internalError, "the server failed on this call")
            detail = "\(error)"
        }
        if !detail.isEmpty {
            logger.warning(
                "call failed; internal detail: \(detail)",
                metadata: ["rpc.method": "\(method)", "error": "\(status.message)"]
            )
        }
        return status
    }
}
