internal import Engine
internal import Registry

extension Loader {
    /// Why a version did not become ready, by what follows from it.
    enum Failure: Error {
        /// The version is wrong and will stay so: it is REJECTED with this reason.
        case rejected(reason: String, detail: String)
        /// Its bytes are not the ones that were signed; another copy may be.
        case damaged(ServingError)
        /// There is no such version, or none that may be loaded.
        case refused(ServingError)
        /// Something that may pass: memory, input and output.
        case passing(ServingError)
    }
}

extension Loader.Failure {
    /// What an engine's failure to load or to warm up means.
    init(engine error: EngineError) {
        switch error.code {
        case .invalidModel, .unsupported, .invalidInput, .runtimeFailed, .overTime, .processEnded:
            self = .rejected(reason: error.message, detail: error.detail)
        case .terminated, .processLost, .outOfMemory, .unavailable:
            let isOutOfMemory = error.code == .outOfMemory
            let code: ServingError.Code = isOutOfMemory ? .resourceExhausted : .unavailable
            self = .passing(ServingError(code, error.message, detail: error.detail))
        }
    }

    /// What a golden request that failed means: that the version is wrong, unless it was the engine
    /// that was not there.
    init(golden failure: GoldenRequest.Failure) {
        if case .passing(let error)? = failure.cause.map(Self.init(engine:)) {
            self = .passing(error)
        } else {
            self = .rejected(reason: failure.description, detail: failure.cause?.detail ?? "")
        }
    }

    /// What a failure to read a version means.
    init(reading error: any Error, id: VersionID) {
        guard let error = error as? RegistryError else {
            self = .passing(
                ServingError(.unavailable, "\(id) could not be read", detail: "\(error)")
            )
            return
        }
        switch error.code {
        case .dataLoss:
            self = .damaged(ServingError(.dataLoss, error.message, detail: error.detail))
        case .notFound:
            self = .refused(ServingError(.notFound, error.message, detail: error.detail))
        case .failedPrecondition:
            self = .refused(ServingError(.failedPrecondition, error.message, detail: error.detail))
        case .invalidArgument:
            // A card that was good when it was signed: this server does not understand it.
            self = .rejected(reason: error.message, detail: error.detail)
        case .resourceExhausted:
            self = .passing(
                ServingError(.resourceExhausted, error.message, detail: error.detail)
            )
        case .aborted, .alreadyExists, .outOfRange, .unavailable, .internalFailure:
            self = .passing(ServingError(.unavailable, error.message, detail: error.detail))
        }
    }

    /// Whether the same load may succeed later.
    var mayPass: Bool {
        if case .passing = self { true } else { false }
    }

    /// Why, for records and callers.
    var reason: String {
        switch self {
        case .rejected(let reason, _): reason
        case .damaged(let error), .refused(let error), .passing(let error): error.message
        }
    }

    /// What a caller who asked for the version is told.
    func servingError(_ id: VersionID) -> ServingError {
        switch self {
        case .rejected(let reason, let detail): .rejected(id, reason: reason, detail: detail)
        case .damaged(let error), .refused(let error), .passing(let error): error
        }
    }
}
