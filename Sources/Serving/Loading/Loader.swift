internal import Engine
internal import Registry
internal import Sealing

/// Takes a stored version to a slot that may serve: verified, opened in memory, loaded, compared
/// with its card, warmed up, and right on all its golden requests.
///
/// Blocking; the reconciler runs it on a thread that serves nobody.
struct Loader: Sendable {
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

    let registry: Registry
    let engines: [String: any InferenceEngine]

    func load(_ id: VersionID) throws(Failure) -> Slot {
        let opened = try open(id)
        guard let engine = engines[opened.card.engine] else {
            throw .rejected(reason: "there is no engine '\(opened.card.engine)'", detail: "")
        }
        let model: any InferenceModel
        do {
            let options = LoadOptions(threads: opened.card.threads)
            model = try engine.load(BundleSource(opened: opened), options: options)
        } catch {
            throw Failure(engine: error, id: id)
        }
        try compare(opened.card, with: model.signature)
        try runGolden(opened, model: model, id: id)
        return Slot(id: id, card: opened.card, model: model)
    }

    private func open(_ id: VersionID) throws(Failure) -> OpenedVersion {
        do {
            let opened = try registry.open(model: id.model, version: id.version)
            guard opened.info.state != .rejected else {
                throw Failure.refused(.rejected(id, reason: opened.info.reason))
            }
            return opened
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(reading: error, id: id)
        }
    }

    /// What the card says of the tensors must be what the model says.
    private func compare(_ card: Card, with signature: ModelSignature) throws(Failure) {
        try compare(card.inputs, with: signature.inputs, kind: "input")
        try compare(card.outputs, with: signature.outputs, kind: "output")
    }

    private func compare(
        _ declared: [CardTensor]?, with specs: [TensorSpec], kind: String
    ) throws(Failure) {
        guard let declared else { return }
        guard declared.count == specs.count else {
            throw .rejected(
                reason: "the card has \(declared.count) \(kind)s, the model \(specs.count)",
                detail: "")
        }
        for tensor in declared {
            guard let spec = specs.first(where: { $0.name == tensor.name }) else {
                throw .rejected(
                    reason: "the model has no \(kind) '\(tensor.name)', which the card names",
                    detail: "")
            }
            guard spec.type.name == tensor.datatype, spec.shape == tensor.shape else {
                throw .rejected(
                    reason: "\(kind) '\(tensor.name)' is \(spec.type.name) \(spec.shape) in the "
                        + "model and \(tensor.datatype) \(tensor.shape) in the card",
                    detail: "")
            }
        }
    }

    private func runGolden(
        _ opened: OpenedVersion, model: any InferenceModel, id: VersionID
    ) throws(Failure) {
        for path in opened.card.golden {
            let json: [UInt8]
            do {
                json = try opened.read(path).copyBytes()
            } catch {
                throw Failure(reading: error, id: id)
            }
            do {
                try GoldenRequest(path: path, json: json).check(model)
            } catch {
                throw .rejected(reason: error.description, detail: "")
            }
        }
    }
}

/// Hands the entry of a bundle to an engine from memory.
private struct BundleSource: ModelSource {
    let opened: OpenedVersion

    func withEntry<R>(_ body: (RawSpan) throws -> R) throws -> R {
        try opened.read(opened.card.entry).withBytes(body)
    }
}

extension Loader.Failure {
    init(engine error: EngineError, id: VersionID) {
        switch error.code {
        case .invalidModel, .unsupported, .invalidInput, .runtimeFailed:
            self = .rejected(reason: error.message, detail: error.detail)
        case .terminated, .unavailable:
            self = .passing(ServingError(.unavailable, error.message, detail: error.detail))
        }
    }

    init(reading error: any Error, id: VersionID) {
        guard let error = error as? RegistryError else {
            self = .passing(
                ServingError(.unavailable, "\(id) could not be read", detail: "\(error)"))
            return
        }
        switch error.code {
        case .dataLoss:
            self = .damaged(ServingError(.dataLoss, error.message, detail: error.detail))
        case .notFound:
            self = .refused(ServingError(.notFound, error.message, detail: error.detail))
        case .failedPrecondition:
            self = .refused(ServingError(.failedPrecondition, error.message, detail: error.detail))
        default:
            self = .passing(ServingError(.unavailable, error.message, detail: error.detail))
        }
    }
}
