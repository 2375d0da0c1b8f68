internal import Engine

extension ServingError {
    /// The error that a caller gets for an engine's failure on a request.
    init(engine error: EngineError) {
        let code: Code =
            switch error.code {
            case .invalidInput: .invalidArgument
            case .terminated: .cancelled
            case .outOfMemory: .resourceExhausted
            case .unavailable: .unavailable
            case .overTime: .deadlineExceeded
            case .invalidModel, .unsupported, .runtimeFailed, .processEnded, .processLost:
                .internalFailure
            }
        self.init(code, error.message, detail: error.detail)
    }
}
