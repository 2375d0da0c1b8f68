internal import Text

/// The files that a model's tensors lie in, in memory.
struct ExternalFiles: Sendable {
    private let files: [ExactString: any HeldBytes]

    /// Reads the files, after it has checked that each is there, is not too large, and has room
    /// for its tensors.
    ///
    /// - Throws: `invalidModel` or `unsupported` for what does not fit, and what the source threw.
    init(of tensors: [ExternalTensor], from source: some ModelSource) throws {
        let paths = try Self.check(tensors, in: source)
        var files: [ExactString: any HeldBytes] = [:]
        for path in paths { files[path] = try source.file(path) }
        self.files = files
        for tensor in tensors {
            let byteCount = files[tensor.location]?.byteCount ?? 0
            try Self.check(tensor, fits: UInt64(byteCount))
        }
    }

    /// The file of one of the tensors.
    func file(of tensor: ExternalTensor) -> any HeldBytes {
        guard let file = files[tensor.location] else {
            preconditionFailure("a tensor of another model: no file \(tensor.location)")
        }
        return file
    }

    /// Bytes of all files together.
    var byteCount: Int { files.values.reduce(0) { $0 + $1.byteCount } }

    private static func check(
        _ tensors: [ExternalTensor],
        in source: some ModelSource
    ) throws(EngineError) -> [ExactString] {
        /// The bytes of each file, and how many of its tensors are not counted yet.
        var files: [ExactString: (byteCount: UInt64, left: UInt64)] = [:]
        var total: UInt64 = 0
        for tensor in tensors {
            let file: (byteCount: UInt64, left: UInt64)
            if let known = files[tensor.location] {
                file = known
            } else {
                let byteCount = try byteCount(of: tensor, in: source)
                file = (byteCount, byteCount)
                let (sum, overflow) = total.addingReportingOverflow(byteCount)
                guard files.count < EngineLimits.maxExternalFiles, !overflow,
                    sum <= EngineLimits.maxExternalBytes
                else { throw tooMuch }
                total = sum
            }
            try check(tensor, fits: file.byteCount)
            // Without this a small file could stand for any number of large tensors.
            guard tensor.byteCount <= file.left else {
                throw EngineError(
                    .invalidModel,
                    "the tensors in file \(quoted(tensor.location)) have more bytes than the file"
                )
            }
            files[tensor.location] = (file.byteCount, file.left - tensor.byteCount)
        }
        return files.keys.sorted()
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
                    + "\(tensor.offset) of file \(quoted(tensor.location)), which has \(byteCount)"
            )
        }
    }

    private static var tooMuch: EngineError {
        EngineError(
            .unsupported,
            "the model's data is in more than \(EngineLimits.maxExternalFiles) other files, or more "
                + "than \(EngineLimits.maxExternalBytes) bytes of them"
        )
    }
}
