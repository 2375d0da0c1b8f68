internal import COnnxRuntime

/// A model in the runtime, with the names and descriptions of its inputs and outputs.
@safe
final class OnnxSession: @unchecked Sendable {
    // Unchecked: the runtime's session may be run from several threads at once, and nothing of
    // this object changes after `init`.

    /// What the session was made in.
    let library: OnnxLibrary
    private let raw: OpaquePointer

    /// Which side of a model something is on.
    enum Side: String {
        /// Inputs that every run needs.
        case input
        /// Inputs with a default in the model, the runtime's overridable initializers.
        case optionalInput = "optional input"
        case output
    }

    /// Has the runtime read and optimise a model.
    ///
    /// - Parameters:
    ///   - model: The model's file, not needed after this call.
    ///   - initializers: Tensors of it whose data is in other files; not needed after this call.
    ///   - threads: Threads of one run, the caller's included.
    init(
        _ model: RawSpan,
        initializers: OnnxInitializers,
        threads: Int,
        library: OnnxLibrary
    ) throws(OnnxFailure) {
        let options = try unsafe library.make { api, out in
            unsafe ort_CreateSessionOptions(api, out)
        }
        defer { unsafe ort_ReleaseSessionOptions(library.api, options) }
        try unsafe Self.set(options, threads: threads, in: library)
        let maker = threads > 1 ? try Self.maker(library) : nil
        unsafe raw = try initializers.withAdded(to: options) { () throws(OnnxFailure) in
            try unsafe library.make { api, out in
                unsafe model.withUnsafeBytes { bytes in
                    let call = unsafe Making(library, bytes, options, out)
                    guard let maker else { return unsafe call.make().status }
                    return unsafe maker.run { call.make() }.status
                }
            }
        }
        self.library = library
    }

    /// A thread that makes a session with threads of its own, which serve for as long as it lives
    /// and inherit the priority of the thread that makes it. Each session has another one, so that
    /// one whose creation hangs delays no other.
    private static func maker(_ library: OnnxLibrary) throws(OnnxFailure) -> LastingThread {
        let maker = library.steady?.run { LastingThread.start(.inherited, name: "session") }
        guard let maker = maker ?? nil else { throw .noThread }
        return maker
    }

    /// The call that makes a session, for whichever thread makes it while its caller waits.
    @safe
    private struct Making: @unchecked Sendable {
        @safe
        struct Made: @unchecked Sendable {
            let status: OpaquePointer?
        }

        private let library: OnnxLibrary
        private let model: UnsafeRawBufferPointer
        private let options: OpaquePointer
        private let out: UnsafeMutablePointer<OpaquePointer?>

        init(
            _ library: OnnxLibrary,
            _ model: UnsafeRawBufferPointer,
            _ options: OpaquePointer,
            _ out: UnsafeMutablePointer<OpaquePointer?>
        ) {
            self.library = library
            unsafe self.model = model
            unsafe self.options = options
            unsafe self.out = out
        }

        func make() -> Made {
            guard let start = unsafe model.baseAddress else { return unsafe Made(status: nil) }
            return unsafe Made(
                status: ort_CreateSessionFromArray(
                    library.api,
                    library.environment,
                    start,
                    model.count,
                    options,
                    out
                )
            )
        }
    }

    // The allocator keeps what this frees: see ``Heaps``.
    deinit { unsafe ort_ReleaseSession(library.api, raw) }

    /// The options, and why:
    ///
    /// - no spinning: threads that wait would take a processor from another model's run;
    /// - no arena: it keeps the most that any run needed until the session ends, and measured no
    ///   faster than the allocator;
    /// - no memory patterns: the runtime keeps one for each shape it has met, without a bound, and
    ///   callers choose shapes;
    /// - ONNX only: bytes that look like the runtime's own format would be taken for it, past the
    ///   scan for files outside of the model.
    private static func set(
        _ options: OpaquePointer,
        threads: Int,
        in library: OnnxLibrary
    ) throws(OnnxFailure) {
        try unsafe library.call { unsafe ort_SetIntraOpNumThreads($0, options, Int32(threads)) }
        try unsafe library.call { unsafe ort_SetInterOpNumThreads($0, options, 1) }
        try unsafe library.call {
            unsafe ort_SetSessionExecutionMode($0, options, ExecutionMode(ORT_EXECUTE_SEQUENTIAL))
        }
        try unsafe library.call {
            unsafe ort_SetSessionGraphOptimizationLevel(
                $0,
                options,
                GraphOptimizationLevel(ORT_OPTIMIZE_ALL)
            )
        }
        try unsafe library.call {
            unsafe ort_SetSessionLogSeverityLevel($0, options, Int32(ORT_LOG_FATAL))
        }
        try unsafe library.call { unsafe ort_DisableCpuMemArena($0, options) }
        try unsafe library.call { unsafe ort_DisableMemPattern($0, options) }
        let entries = [
            ("session.intra_op.allow_spinning", "0"), ("session.inter_op.allow_spinning", "0"),
            ("session.load_model_format", "ONNX"),
        ]
        for (key, value) in entries {
            try unsafe library.call { unsafe ort_AddSessionConfigEntry($0, options, key, value) }
        }
    }

    /// Runs the model.
    ///
    /// - Parameters:
    ///   - inputs: Names and values, each the model's.
    ///   - outputs: The names of what is wanted.
    ///   - places: Values for the runtime to write outputs to, nil for those that it allocates;
    ///     one for each of `outputs`, or none at all.
    ///   - options: What may end the run; nil if nothing will.
    /// - Returns: A value for each wanted name, in their order.
    func run(
        _ inputs: [OnnxCall.Input],
        outputs: [CName],
        places: [OnnxValue?] = [],
        options: OnnxRunOptions?
    ) throws(OnnxFailure) -> [OnnxValue] {
        let inputNames = unsafe inputs.map { unsafe UnsafePointer($0.name.start) as CName.Address? }
        let values = unsafe inputs.map { unsafe $0.value.raw as OpaquePointer? }
        let outputNames = unsafe outputs.map { unsafe UnsafePointer($0.start) as CName.Address? }
        var results = unsafe [OpaquePointer?](repeating: nil, count: outputs.count)
        for (index, place) in places.enumerated() { unsafe results[index] = place?.raw }
        try unsafe library.call { api in
            unsafe ort_Run(
                api,
                raw,
                options?.raw,
                inputNames,
                values,
                values.count,
                outputNames,
                outputNames.count,
                &results
            )
        }
        // Every object gets its owner before anything can fail.
        let owned = unsafe results.enumerated().compactMap { index, result in
            if index < places.count, let place = places[index] { return place }
            return unsafe result.map { unsafe OnnxValue(taking: $0, from: self) }
        }
        guard owned.count == outputs.count else { throw .nothingReturned }
        return owned
    }

    /// How many inputs or outputs the model has.
    func count(of side: Side) throws(OnnxFailure) -> Int {
        var count = 0
        try unsafe library.call { api in
            switch side {
            case .input: unsafe ort_SessionGetInputCount(api, raw, &count)
            case .optionalInput:
                unsafe ort_SessionGetOverridableInitializerCount(api, raw, &count)
            case .output: unsafe ort_SessionGetOutputCount(api, raw, &count)
            }
        }
        return count
    }

    /// The name of an input or output.
    func name(of side: Side, at index: Int) throws(OnnxFailure) -> CName {
        var text: UnsafeMutablePointer<CChar>?
        try unsafe library.call { api in
            switch side {
            case .input: unsafe ort_SessionGetInputName(api, raw, index, library.allocator, &text)
            case .optionalInput:
                unsafe ort_SessionGetOverridableInitializerName(
                    api,
                    raw,
                    index,
                    library.allocator,
                    &text
                )
            case .output:
                unsafe ort_SessionGetOutputName(api, raw, index, library.allocator, &text)
            }
        }
        guard let text = unsafe text else { throw .nothingReturned }
        defer {
            // Nothing can be done about memory that the runtime does not take back.
            try? unsafe library.call { api in unsafe ort_AllocatorFree(api, library.allocator, text)
            }
        }
        return unsafe CName(copying: text)
    }

    /// The kind of an input or output.
    enum Kind {
        case tensor(OnnxTensorInfo)
        /// The name of another kind, in ONNX's word.
        case other(String)
    }

    private static let kindNames = [
        ORT_KIND_SEQUENCE: "sequence", ORT_KIND_MAP: "map", ORT_KIND_OPAQUE: "opaque value",
        ORT_KIND_SPARSE_TENSOR: "sparse tensor", ORT_KIND_OPTIONAL: "optional",
    ]

    /// The kind of an input or output, with type and shape if it is a tensor.
    func kind(of side: Side, at index: Int) throws(OnnxFailure) -> Kind {
        let info = try unsafe library.make { api, out in
            switch side {
            case .input: unsafe ort_SessionGetInputTypeInfo(api, raw, index, out)
            case .optionalInput:
                unsafe ort_SessionGetOverridableInitializerTypeInfo(api, raw, index, out)
            case .output: unsafe ort_SessionGetOutputTypeInfo(api, raw, index, out)
            }
        }
        defer { unsafe ort_ReleaseTypeInfo(library.api, info) }
        var kind = OrtValueKind()
        try unsafe library.call { api in unsafe ort_GetOnnxTypeFromTypeInfo(api, info, &kind) }
        guard Int(kind) == ORT_KIND_TENSOR else {
            return .other(Self.kindNames[Int(kind)] ?? "value of an unknown kind")
        }
        // A view into `info`, which is not released on its own.
        let tensor = try unsafe library.make { api, out in
            unsafe ort_CastTypeInfoToTensorInfo(api, info, out)
        }
        return .tensor(try unsafe OnnxTensorInfo(reading: tensor, in: library))
    }
}
