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
    private let cache = LoadCache()

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

    /// A version that has passed every check.
    struct Examined {
        let model: any InferenceModel
        /// Its golden requests, or some of them.
        let golden: [GoldenRequest]
        let findings: VersionFindings
        /// Why every warm-up run failed; nil if one passed, or there was none.
        var warmUpFailure: String?
    }

    /// Keeps what another process found out about a version: its load here repeats none of that.
    func note(_ findings: VersionFindings, of id: VersionID) { cache.note(findings, of: id) }

    /// Loads a version, with every check.
    /// - Parameter thread: The calling thread, in whose heap the model will lie.
    func load(
        _ opened: OpenedVersion,
        on thread: LastingThread? = nil
    ) throws(Failure) -> Slot {
        let examined = try examine(opened)
        let findings = examined.findings
        let cost =
            cache.cost(of: opened.id)
            ?? RunCost(
                measuring: examined.model,
                on: examined.golden.map(\.inputs),
                plan: findings.plan,
                limitNs: loopRunNs
            )
        cache.note(findings, cost: cost, of: opened.id)
        return Slot(
            id: opened.id,
            card: opened.card,
            model: examined.model,
            plan: findings.plan,
            isDeterministic: findings.isDeterministic,
            cost: cost,
            meter: meters.version(opened.id),
            byteCount: opened.info.bytes,
            loadedOn: thread,
            warmUpFailure: examined.warmUpFailure
        )
    }

    /// Loads a version, with every check that may reject it.
    func examine(_ opened: OpenedVersion) throws(Failure) -> Examined {
        let id = opened.id
        try Self.checkSizes(entry: opened.card.entry, golden: opened.card.golden, opened.files)
        guard let engine = engines[opened.card.engine] else {
            throw .rejected(reason: "there is no engine \(quoted(opened.card.engine))", detail: "")
        }
        reached(.load)
        let model = try load(opened, id: id, in: engine)
        try compare(opened.card, with: model.signature)
        return try run(opened, model: model, known: cache.findings(of: id))
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
        if let difference = CardTensor.difference(declared, specs, kind: kind) {
            throw .rejected(reason: difference, detail: "")
        }
    }

    func read(
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
