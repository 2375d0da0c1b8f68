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
    /// The limit of time on a run of a model, in seconds.
    var runSeconds: @Sendable (_ model: String, Card) -> Int = ServingLimits().runSeconds
    /// Makes the threads of a version in an engine host, which take none from other versions.
    var hostedExecutors: @Sendable () throws(EngineError) -> Executors? = { nil }
    /// Called at the begin of each step.
    var reached: @Sendable (LoadStep) -> Void = { _ in }
    /// As in ``IsolationLimits``.
    var growth = EngineLimits.defaultGrowth
    /// The memory that the comparisons of runs look at.
    var memory = SystemMemory.system
    /// Ends the runs of a load; nil if nothing does.
    var stop: RunStop?
    /// The runs that a load without findings leaves out.
    var omitted = OmittedRuns()
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
        var model: any InferenceModel
        /// Its golden requests, or some of them.
        let golden: [GoldenRequest]
        let findings: VersionFindings
        /// Why every warm-up run failed; nil if one passed, or there was none.
        var warmUpFailure: String?
    }

    /// Keeps what another process found out about a version: its load here repeats none of that.
    func note(_ findings: VersionFindings, of id: VersionID) { cache.note(findings, of: id) }

    /// The findings of an earlier load of a version; nil: there are none.
    func findings(of id: VersionID) -> VersionFindings? { cache.findings(of: id) }

    /// Loads a version, with every check.
    /// - Parameters:
    ///   - isolation: The reason why it is loaded in this process.
    ///   - thread: The calling thread, in whose heap the model will lie.
    func load(
        _ opened: OpenedVersion,
        isolation: SlotIsolation = .server,
        on thread: LastingThread? = nil
    ) throws(Failure) -> Slot {
        let examined = try examine(LoadableVersion(opened))
        let findings = examined.findings
        let cost =
            cache.cost(of: opened.id)
            ?? RunCost(
                measuring: stoppable(examined.model),
                on: examined.golden.map(\.inputs),
                plan: findings.plan,
                // A run on generated inputs may end the process; only an executor runs others.
                limitNs: findings.omitted.isEmpty ? loopRunNs : 0
            )
        cache.note(findings, cost: cost, of: opened.id)
        return Slot(
            id: opened.id,
            card: opened.card,
            model: examined.model,
            plan: findings.plan,
            isDeterministic: findings.isDeterministic,
            cost: cost,
            runSeconds: runSeconds(opened.id.model, opened.card),
            meter: meters.version(opened.id),
            byteCount: opened.info.bytes,
            isolation: isolation,
            loadedOn: thread,
            warmUpFailure: examined.warmUpFailure
        )
    }

    /// Loads a version, with every check that may reject it.
    func examine(_ version: LoadableVersion) throws(Failure) -> Examined {
        try check(version, open(version))
    }

    /// Makes a model of a version's files, and compares it with the card. Nothing is run.
    func open(_ version: LoadableVersion) throws(Failure) -> any InferenceModel {
        let engine = try engine(of: version)
        reached(.load)
        let model = try withSource(of: version) { source throws(EngineError) in
            try engine.load(
                source,
                options: LoadOptions(threads: version.card.threads, growth: growth)
            )
        }
        try compare(version.card, with: model.signature)
        return model
    }

    /// Makes the runs of a version that may reject it.
    func check(
        _ version: LoadableVersion,
        _ model: any InferenceModel
    ) throws(Failure) -> Examined {
        let known = cache.findings(of: version.id)
        var examined = try run(version, model: stoppable(model), known: known)
        examined.model = model
        return examined
    }

    /// The engine that the card names.
    ///
    /// - Throws: `rejected` if there is none, or if a file is too large to be loaded.
    func engine(of version: LoadableVersion) throws(Failure) -> any InferenceEngine {
        let card = version.card
        try Self.checkSizes(entry: card.entry, golden: card.golden, version.sizes)
        guard let engine = engines[card.engine] else {
            throw .rejected(reason: "there is no engine \(quoted(card.engine))", detail: "")
        }
        return engine
    }

    /// Gives `body` the version's files, its entry decrypted.
    func withSource<Result>(
        of version: LoadableVersion,
        _ body: (BundleSource) throws(EngineError) -> Result
    ) throws(Failure) -> Result {
        let entry = Plaintext(try read(version.card.entry, of: version))
        let source = BundleSource(version, entry: entry)
        do throws(EngineError) {
            return try body(source)
        } catch {
            // A damaged file is reported as such, and not as the engine's error about it.
            if let failure = source.failure { throw Failure(reading: failure, id: version.id) }
            throw Failure(engine: error)
        }
    }

    /// The model with its runs ended by ``stop``.
    private func stoppable(_ model: any InferenceModel) -> any InferenceModel {
        stop.map { StoppableModel(model, stop: $0) } ?? model
    }

    /// What is too large to be loaded is not decrypted first.
    static func checkSizes(
        entry: ExactString,
        golden: [ExactString],
        _ sizes: [ExactString: UInt64]
    ) throws(Failure) {
        let limits =
            golden.map { ($0, GoldenRequest.maxBytes) } + [(entry, EngineLimits.maxModelBytes)]
        for (path, limit) in limits where path != entry || limit == EngineLimits.maxModelBytes {
            guard let size = sizes[path], size > UInt64(limit) else { continue }
            throw .rejected(
                reason: "file \(quoted(path)) has \(size) bytes, at most \(limit) are taken",
                detail: ""
            )
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
        of version: LoadableVersion
    ) throws(Failure) -> SecretBuffer {
        do {
            return try version.read(path)
        } catch {
            throw Failure(reading: error, id: version.id)
        }
    }
}
