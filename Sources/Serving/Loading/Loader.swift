internal import Engine
internal import Registry
internal import Sealing
internal import Text

/// Takes an open version to a slot that may serve: opened in memory, loaded, compared with its card,
/// warmed up, and right on all its golden requests.
///
/// Blocking; the reconciler runs it on its thread, which serves nobody.
struct Loader: Sendable {
    let engines: [String: any InferenceEngine]
    /// As in ``ServingLimits``.
    let loopRunNs: UInt64
    /// What counts the requests of each version, over its loads.
    let meters: ServingMeters
    /// Called at the begin of each step.
    var reached: @Sendable (LoadStep) -> Void = { _ in }
    /// Where versions are to be loaded: their models lie in its heap.
    let thread = LastingThread(.quiet, name: "load")
    /// What earlier loads found out.
    private let known = KnownRuns()

    init(
        engines: [String: any InferenceEngine],
        loopRunNs: UInt64,
        meters: ServingMeters,
        reached: @escaping @Sendable (LoadStep) -> Void = { _ in }
    ) {
        self.engines = engines
        self.loopRunNs = loopRunNs
        self.meters = meters
        self.reached = reached
    }

    /// A version that has passed all that is asked of it.
    struct Examined {
        let model: any InferenceModel
        /// Its golden requests, or some of them.
        let golden: [GoldenRequest]
        let plan: BatchPlan
    }

    /// Loads a version, and asks all of it.
    func load(_ opened: OpenedVersion) throws(Failure) -> Slot {
        let examined = try examine(opened)
        let cost =
            known.runs(of: opened.id)?.cost
            ?? RunCost(
                measuring: examined.model,
                on: examined.golden.map(\.inputs),
                plan: examined.plan,
                limitNs: loopRunNs
            )
        known.note(KnownRuns.Runs(plan: examined.plan, cost: cost), of: opened.id)
        return Slot(
            id: opened.id,
            card: opened.card,
            model: examined.model,
            plan: examined.plan,
            cost: cost,
            meter: meters.version(opened.id),
            byteCount: opened.info.bytes,
            loadedOn: thread
        )
    }

    /// Loads a version, and asks of it all that may show it to be wrong.
    func examine(_ opened: OpenedVersion) throws(Failure) -> Examined {
        let id = opened.id
        try Self.checkSizes(entry: opened.card.entry, golden: opened.card.golden, opened.files)
        guard let engine = engines[opened.card.engine] else {
            throw .rejected(reason: "there is no engine '\(opened.card.engine)'", detail: "")
        }
        reached(.load)
        let model = try load(opened, id: id, in: engine)
        try compare(opened.card, with: model.signature)
        let golden = try warmUp(opened, model: model, id: id)
        if let plan = known.runs(of: id)?.plan {
            return Examined(model: model, golden: golden, plan: plan)
        }
        reached(.rows)
        let plan = try batchPlan(opened.card, model: model, golden: golden)
        return Examined(model: model, golden: golden, plan: plan)
    }

    private func load(
        _ opened: OpenedVersion,
        id: VersionID,
        in engine: any InferenceEngine
    ) throws(Failure) -> any InferenceModel {
        let entry = Plaintext(try read(opened.card.entry, of: opened, id: id))
        let source = BundleSource(opened, entry: entry)
        do throws(EngineError) {
            return try engine.load(source, options: LoadOptions(threads: opened.card.threads))
        } catch {
            // What is wrong with a file is known for what it is, not for what the engine made of it.
            if let failure = source.failure { throw Failure(reading: failure, id: id) }
            throw Failure(engine: error)
        }
    }

    /// What is too large to be loaded is not decrypted first.
    static func checkSizes(
        entry: ExactString,
        golden: [ExactString],
        _ files: [FileInfo]
    ) throws(Failure) {
        let golden = Set(golden)
        for file in files {
            let limit: Int
            if file.path == entry {
                limit = EngineLimits.maxModelBytes
            } else if golden.contains(file.path) {
                limit = GoldenRequest.maxBytes
            } else {
                continue
            }
            guard file.size <= UInt64(limit) else {
                throw .rejected(
                    reason: "file \(quoted(file.path)) has \(file.size) bytes, "
                        + "at most \(limit) are taken",
                    detail: ""
                )
            }
        }
    }

    /// What the card says of the tensors must be what the model says.
    private func compare(_ card: Card, with signature: ModelSignature) throws(Failure) {
        try compare(card.inputs, with: signature.inputs, kind: "input")
        try compare(card.outputs, with: signature.outputs, kind: "output")
    }

    private func compare(
        _ declared: [CardTensor]?,
        with specs: [TensorSpec],
        kind: String
    ) throws(Failure) {
        guard let declared else { return }
        guard declared.count == specs.count else {
            throw .rejected(
                reason: "the card has \(declared.count) \(kind)s, the model \(specs.count)",
                detail: ""
            )
        }
        for tensor in declared {
            guard let spec = specs.first(where: { $0.name == tensor.name }) else {
                throw .rejected(
                    reason: "the model has no \(kind) '\(tensor.name)', which the card names",
                    detail: ""
                )
            }
            guard spec.type.name == tensor.datatype, spec.shape == tensor.shape else {
                throw .rejected(
                    reason: "\(kind) '\(tensor.name)' is \(spec.type.name) \(spec.shape) in the "
                        + "model and \(tensor.datatype) \(tensor.shape) in the card",
                    detail: ""
                )
            }
        }
    }

    /// Whether requests to the version may run together.
    private func batchPlan(
        _ card: Card,
        model: any InferenceModel,
        golden: [GoldenRequest]
    ) throws(Failure) -> BatchPlan {
        do {
            return try RowCheck(model: model, batching: card.batching).plan(
                golden: golden.map(\.inputs)
            )
        } catch let error as RowCheck.Refusal {
            throw .rejected(reason: error.reason, detail: "")
        } catch let error as EngineError {
            throw Failure(engine: error)
        } catch {
            throw .passing(
                ServingError(.unavailable, "the rows could not be checked", detail: "\(error)")
            )
        }
    }

    /// No version goes live without a run, unless its inputs are too large for one.
    /// - Returns: The golden requests, all of them passed.
    private func warmUp(
        _ opened: OpenedVersion,
        model: any InferenceModel,
        id: VersionID
    ) throws(Failure) -> [GoldenRequest] {
        guard opened.card.golden.isEmpty else {
            return try runGolden(opened, model: model, id: id)
        }
        reached(.warmUp)
        do throws(EngineError) {
            try WarmUp(of: model.signature)?.run(on: model)
            return []
        } catch {
            throw Failure(engine: error)
        }
    }

    private func runGolden(
        _ opened: OpenedVersion,
        model: any InferenceModel,
        id: VersionID
    ) throws(Failure) -> [GoldenRequest] {
        var passed: [GoldenRequest] = []
        for path in opened.card.golden {
            reached(.golden(path.text))
            let json = try read(path, of: opened, id: id).copyBytes()
            do throws(GoldenRequest.Failure) {
                let request = try GoldenRequest(path: path.text, json: json)
                try request.check(try request.run(on: model))
                // The others are not needed any more, and may be large.
                if passed.count < RowCheck.maxSamples { passed.append(request) }
            } catch {
                throw Failure(golden: error)
            }
        }
        return passed
    }

    private func read(
        _ path: ExactString,
        of opened: OpenedVersion,
        id: VersionID
    ) throws(Failure) -> SecretBuffer {
        do {
            return try opened.read(path)
        } catch {
            throw Failure(reading: error, id: id)
        }
    }
}
