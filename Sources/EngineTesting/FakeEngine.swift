package import Engine
internal import Glibc
internal import Synchronization
package import Text

/// An engine that does what the test says.
///
/// It chooses a script by the bytes of the entry file, so that one engine can serve several
/// versions, each with its own behaviour.
package final class FakeEngine: InferenceEngine {
    private struct Counts {
        var loads = 0
        var loaded = 0
        var runs = 0
    }

    package let name: String
    private let script: @Sendable (_ entry: [UInt8]) -> FakeScript
    private let counts = Mutex(Counts())

    /// Makes an engine.
    ///
    /// - Parameters:
    ///   - name: What a card has to ask for.
    ///   - script: What a model with that entry file does.
    package init(
        name: String = "fake",
        script: @escaping @Sendable (_ entry: [UInt8]) -> FakeScript
    ) {
        self.name = name
        self.script = script
    }

    /// Makes an engine whose models all do the same.
    package convenience init(name: String = "fake", _ script: FakeScript = FakeScript()) {
        self.init(name: name) { _ in script }
    }

    /// How many loads were asked for.
    package var loads: Int { counts.withLock { $0.loads } }
    /// How many models are loaded now.
    package var loadedModels: Int { counts.withLock { $0.loaded } }
    /// How many runs were begun, those that a check refused left out.
    package var runs: Int { counts.withLock { $0.runs } }

    package func inspect(
        _ source: some ModelSource,
        growth: Int
    ) throws(EngineError) -> ModelInspection {
        let script = script(try bytes(of: source))
        return ModelInspection(rows: script.rowAnalysis, isolation: script.isolation)
    }

    package func load(
        _ source: some ModelSource,
        options: LoadOptions
    ) throws(EngineError) -> any InferenceModel {
        counts.withLock { $0.loads += 1 }
        let entry = try bytes(of: source)
        let script = script(entry)
        script.loadGate.pass()
        if let failure = script.loadFailure { throw failure }
        try Self.reading { for path in script.reads { _ = try source.file(path) } }
        counts.withLock { $0.loaded += 1 }
        return FakeModel(
            script: script,
            resources: ModelResources(
                modelBytes: entry.count,
                threads: options.threads,
                timeDependsOnValues: script.timeDependsOnValues
            ),
            onRun: { self.counts.withLock { $0.runs += 1 } },
            onRelease: { self.counts.withLock { $0.loaded -= 1 } }
        )
    }

    private func bytes(of source: some ModelSource) throws(EngineError) -> [UInt8] {
        try Self.reading { try source.withEntry(copy) }
    }

    private static func reading<Result>(
        _ body: () throws -> Result
    ) throws(EngineError) -> Result {
        do {
            return try body()
        } catch {
            throw EngineError(
                .unavailable,
                "the model's file could not be read",
                detail: "\(error)"
            )
        }
    }
}

/// A model of a ``FakeEngine``.
package final class FakeModel: InferenceModel {
    package let resources: ModelResources
    private let script: FakeScript
    private let onRun: @Sendable () -> Void
    private let onRelease: @Sendable () -> Void
    private let loadingThread = pthread_self()

    fileprivate init(
        script: FakeScript,
        resources: ModelResources,
        onRun: @escaping @Sendable () -> Void,
        onRelease: @escaping @Sendable () -> Void
    ) {
        self.script = script
        self.resources = resources
        self.onRun = onRun
        self.onRelease = onRelease
    }

    deinit { onRelease() }

    package var signature: ModelSignature { script.signature }
    package var rowAnalysis: RowAnalysis { script.rowAnalysis }

    package func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        try signature.check(inputs)
        try signature.check(outputs: outputs)
        let echoes = script.echoesWhileLoading && pthread_equal(loadingThread, pthread_self()) != 0
        if !echoes {
            onRun()
            try script.runGate.pass(stop: stop)
        }
        let given = signature.inputs.compactMap { spec in
            inputs.first { $0.name == spec.name }.map { input in
                FakeInput(
                    name: input.name,
                    type: input.type,
                    shape: input.shape,
                    bytes: input.bytes.withBytes(copy)
                )
            }
        }
        let answers = echoes ? echo(given) : try answer(given)
        guard !outputs.isEmpty else { return answers }
        return outputs.compactMap { name in answers.first { $0.name == name } }
    }

    private func echo(_ inputs: [FakeInput]) -> [OutputTensor] {
        zip(signature.outputs, inputs).map { spec, input in
            OutputTensor(
                name: spec.name,
                type: input.type,
                shape: input.shape,
                bytes: input.bytes
            )
        }
    }

    private func answer(_ inputs: [FakeInput]) throws(EngineError) -> [OutputTensor] {
        switch script.answer {
        case .echo:
            return echo(inputs)
        case .fail(let error):
            throw error
        case .compute(let function):
            return try function(inputs)
        }
    }
}

private func copy(_ bytes: RawSpan) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { bytes in unsafe [UInt8](bytes) }
}
