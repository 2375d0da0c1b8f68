internal import COnnxRuntime
internal import Text

/// Initializers of a model that are handed to the runtime from memory, instead of files that it
/// would open.
///
/// The runtime makes copies of its own while the session is made, of one after another. What it
/// has copied is given back as soon as it says so; the rest when this goes.
struct OnnxInitializers {
    private let library: OnnxLibrary
    private let tensors: CopiedTensors
    private let names: [CName]
    private let values: [LentTensor]

    /// A tensor of the runtime around bytes of ours.
    @safe
    private final class LentTensor {
        let raw: OpaquePointer
        private let library: OnnxLibrary

        /// The address stays good outside of the closure because held bytes do not move.
        init(
            _ tensor: ExternalTensor,
            in file: any HeldBytes,
            _ library: OnnxLibrary
        ) throws(OnnxFailure) {
            let start = unsafe file.withBytes { bytes in
                unsafe bytes.withUnsafeBytes { $0.baseAddress }
            }
            guard let start = unsafe start else { throw .nothingReturned }
            unsafe raw = try library.make { api, out in
                unsafe ort_CreateTensorWithDataAsOrtValue(
                    api,
                    library.memoryInfo,
                    UnsafeMutableRawPointer(mutating: start + tensor.range.lowerBound),
                    tensor.range.count,
                    tensor.shape,
                    tensor.shape.count,
                    OrtElementType(tensor.elementType),
                    out
                )
            }
            self.library = library
        }

        deinit { unsafe ort_ReleaseValue(library.api, raw) }
    }

    /// Wraps the bytes of each tensor where they lie.
    init(
        _ tensors: [ExternalTensor],
        in files: ExternalFiles,
        library: OnnxLibrary
    ) throws(OnnxFailure) {
        self.library = library
        self.tensors = CopiedTensors(tensors, in: files)
        values = try tensors.map { tensor throws(OnnxFailure) in
            try LentTensor(tensor, in: files.file(of: tensor), library)
        }
        names = tensors.map { tensor in
            unsafe tensor.name.text.withCString { unsafe CName(copying: $0) }
        }
    }

    /// Adds them to the options that a session is made with, for as long as `body` runs.
    @unsafe
    func withAdded<Result>(
        to options: OpaquePointer,
        _ body: () throws(OnnxFailure) -> Result
    ) throws(OnnxFailure) -> Result {
        guard !names.isEmpty else { return try body() }
        defer { withExtendedLifetime(self) {} }
        let names = unsafe names.map { unsafe UnsafePointer($0.start) as CName.Address? }
        let values = unsafe values.map { unsafe $0.raw as OpaquePointer? }
        try unsafe library.call { api in
            unsafe ort_AddExternalInitializers(api, options, names, values, names.count)
        }
        guard OnnxLog.tellsCopies(version: library.version) else { return try body() }
        try unsafe library.call { api in
            unsafe ort_SetSessionLogSeverityLevel(api, options, Int32(ORT_LOG_INFO))
        }
        return try library.log.whileListening(tensors.copied) { session throws(OnnxFailure) in
            try unsafe library.call { api in unsafe ort_SetSessionLogId(api, options, session) }
            return try body()
        }
    }
}
