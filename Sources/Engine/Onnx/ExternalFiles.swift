internal import Text

/// The files in which tensors of a model have their data, in memory.
struct ExternalFiles: Sendable {
    private let files: [ExactString: any HeldBytes]

    /// Reads the files, after a check that each is in the bundle, that all together are not too
    /// large, and that each has room for its tensors. Files of which no data is needed are not read.
    ///
    /// - Throws: `invalidModel` or `unsupported` for what does not fit, and what the source threw.
    init(of tensors: ModelTensors, from source: some ModelSource) throws {
        let read = tensors.initializers + tensors.embedded
        let sizes = try Self.sizes(of: read + tensors.unread, in: source)
        let paths = Set(read.map(\.location))
        try Self.checkSums(of: tensors, filesOf: paths, sizes)
        var files: [ExactString: any HeldBytes] = [:]
        for path in paths.sorted() { files[path] = try source.file(path) }
        self.files = files
        for tensor in read {
            let byteCount = files[tensor.location]?.byteCount ?? 0
            try Self.check(tensor, fits: UInt64(byteCount))
        }
    }

    /// The file of one of the tensors that are read.
    func file(of tensor: ExternalTensor) -> any HeldBytes {
        guard let file = files[tensor.location] else {
            preconditionFailure("a tensor of another model: no file \(tensor.location)")
        }
        return file
    }

    /// Bytes of all files together.
    var byteCount: Int { files.values.reduce(0) { $0 + $1.byteCount } }

    /// The bytes of each file, in which every tensor was found to fit.
    private static func sizes(
        of tensors: [ExternalTensor],
        in source: some ModelSource
    ) throws(EngineError) -> [ExactString: UInt64] {
        var sizes: [ExactString: UInt64] = [:]
        for tensor in tensors {
            let byteCount: UInt64
            if let known = sizes[tensor.location] {
                byteCount = known
            } else {
                byteCount = try Self.byteCount(of: tensor, in: source)
                sizes[tensor.location] = byteCount
                guard sizes.count <= EngineLimits.maxExternalFiles else {
                    throw EngineError(
                        .unsupported,
                        "the model's data is in more than \(EngineLimits.maxExternalFiles) other "
                            + "files"
                    )
                }
            }
            try check(tensor, fits: byteCount)
        }
        return sizes
    }

    /// Bounds the bytes of files that are read, and of the copies that the runtime makes of their
    /// tensors: without this a small file could stand for any number of large tensors.
    private static func checkSums(
        of tensors: ModelTensors,
        filesOf paths: Set<ExactString>,
        _ sizes: [ExactString: UInt64]
    ) throws(EngineError) {
        let files = sum(paths.map { sizes[$0] ?? 0 })
        guard files <= EngineLimits.maxExternalBytes else {
            throw EngineError(
                .unsupported,
                "the model's data is in other files of \(files) bytes, at most "
                    + "\(EngineLimits.maxExternalBytes) are taken"
            )
        }
        let embedded = sum(tensors.embedded.map(\.byteCount))
        guard embedded <= EngineLimits.maxEmbeddedBytes else {
            throw EngineError(
                .unsupported,
                "tensors of the model's subgraphs and attributes have \(embedded) bytes in other "
                    + "files, at most \(EngineLimits.maxEmbeddedBytes) are taken"
            )
        }
        let copies = sum(tensors.initializers.map(\.byteCount) + [embedded])
        let limit = files * EngineLimits.maxExternalCopies + EngineLimits.maxSharedBytes
        guard copies <= limit else {
            throw EngineError(
                .unsupported,
                "the model's tensors in other files share bytes, and ONNX Runtime copies them for "
                    + "each: \(copies) bytes, at most \(limit) are taken: "
                    + "\(EngineLimits.maxExternalCopies) times the \(files) bytes of the files and "
                    + "\(EngineLimits.maxSharedBytes) more"
            )
        }
    }

    /// A sum that stays at the largest number instead of overflowing.
    private static func sum(_ numbers: [UInt64]) -> UInt64 {
        numbers.reduce(0) { sum, number in
            let (next, overflow) = sum.addingReportingOverflow(number)
            return overflow ? .max : next
        }
    }

    private static func byteCount(
        of tensor: ExternalTensor,
        in source: some ModelSource
    ) throws(EngineError) -> UInt64 {
        guard let byteCount = source.byteCount(ofFile: tensor.location) else {
            throw EngineError(
                .invalidModel,
                "tensor \(quoted(tensor.name)) of the model has its data in file "
                    + "\(quoted(tensor.location)), which the bundle lacks"
            )
        }
        return byteCount
    }

    private static func check(
        _ tensor: ExternalTensor,
        fits byteCount: UInt64
    ) throws(EngineError) {
        let (end, overflow) = tensor.offset.addingReportingOverflow(tensor.byteCount)
        guard !overflow, end <= byteCount else {
            throw EngineError(
                .invalidModel,
                "tensor \(quoted(tensor.name)) of the model has \(tensor.byteCount) bytes at "
                    + "\(tensor.offset) of file \(quoted(tensor.location)), which has "
                    + "\(byteCount)"
            )
        }
    }
}
