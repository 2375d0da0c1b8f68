/// ONNX Runtime as an engine: models that TensorFlow, PyTorch, scikit-learn and others export.
///
/// The library is loaded when the engine is made, not linked. A process has one; engines share it.
package struct OnnxRuntime: InferenceEngine {
    package let name = "onnxruntime"

    private let library: OnnxLibrary

    /// The version of the library, such as "1.32.0".
    package var version: String { library.version }

    /// Loads the library.
    ///
    /// - Parameters:
    ///   - libraryPath: The library's file; nil to look for it: see ``OnnxLibrarySearch``.
    ///   - startsThreads: Whether to start the engine's own thread now, from the calling one, whose
    ///     priority it inherits; false leaves that to ``startThreads()``.
    /// - Throws: `unavailable`, with paths and the system's text in the detail.
    package init(libraryPath: String? = nil, startsThreads: Bool = true) throws(EngineError) {
        let path =
            if let libraryPath { libraryPath } else { try OnnxLibrarySearch.find() }
        library = try OnnxLibrary.open(path: path)
        guard !startsThreads || startThreads() else {
            throw EngineError(.unavailable, "the system starts no thread for ONNX Runtime")
        }
    }

    package func startThreads() -> Bool { library.steady != nil }

    package func inspect(
        _ source: some ModelSource,
        growth: Int
    ) throws(EngineError) -> ModelInspection {
        do {
            return try source.withEntry { entry in
                ModelInspection(
                    rows: GraphAnalysis.rows(of: entry),
                    isolation: IsolationAnalysis.result(of: entry, growth: growth).verdict
                )
            }
        } catch {
            throw EngineError(
                .unavailable,
                "the model's file could not be read",
                detail: "\(error)"
            )
        }
    }

    package func load(
        _ source: some ModelSource,
        options: LoadOptions
    ) throws(EngineError) -> any InferenceModel {
        guard (1...EngineLimits.maxThreads).contains(options.threads) else {
            throw EngineError(
                .unsupported,
                "\(options.threads) threads for a run, 1 to \(EngineLimits.maxThreads) are taken"
            )
        }
        do {
            return try source.withEntry { entry in try model(entry, of: source, options) }
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(
                .unavailable,
                "the model's file could not be read",
                detail: "\(error)"
            )
        }
    }

    /// Loads a model from its bytes. They are scanned first: what the runtime would open a file
    /// for is read from the bundle, or refused, before the runtime sees it.
    private func model(
        _ entry: RawSpan,
        of source: some ModelSource,
        _ options: LoadOptions
    ) throws -> OnnxModel {
        let facts = try ModelScan.facts(of: entry)
        let files = try ExternalFiles(of: facts.tensors, from: source)
        let resources = ModelResources(
            modelBytes: entry.byteCount + files.byteCount,
            threads: options.threads,
            timeDependsOnValues: IsolationAnalysis.result(of: entry, growth: options.growth)
                .timeDependsOnValues
        )
        let loaded = try rewritten(entry, by: facts.tensors.edits, files) { model in
            try session(model, facts.tensors.initializers, files, threads: options.threads)
        }
        return try OnnxModel(
            loaded,
            facts: facts,
            resources: resources,
            rowAnalysis: GraphAnalysis.rows(of: entry)
        )
    }

    /// Lends the model's bytes without the references to files that the runtime would follow.
    private func rewritten<Result>(
        _ entry: RawSpan,
        by edits: [ModelEdit],
        _ files: ExternalFiles,
        _ body: (RawSpan) throws -> Result
    ) throws -> Result {
        guard !edits.isEmpty else { return try body(entry) }
        let bytes = try ModelRewrite.bytes(of: entry, changedBy: edits, files: files)
        return try bytes.withBytes(body)
    }

    private func session(
        _ entry: RawSpan,
        _ tensors: [ExternalTensor],
        _ files: ExternalFiles,
        threads: Int
    ) throws(EngineError) -> OnnxSession {
        do throws(OnnxFailure) {
            let initializers = try OnnxInitializers(tensors, in: files, library: library)
            return try OnnxSession(
                entry,
                initializers: initializers,
                threads: threads,
                library: library
            )
        } catch {
            throw error.whileLoading(in: library.version)
        }
    }
}
