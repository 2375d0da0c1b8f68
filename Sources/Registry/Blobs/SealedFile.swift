internal import Sealing

/// One published file as it lies sealed in the store, checked against its signed record.
struct SealedFile {
    private let file: VersionRecord.File
    private let reader: any BlobReader
    private let opener: BlobOpener

    /// Opens a file's blob: its length, header, key commitment and context have to be the ones
    /// that were signed.
    init(
        _ file: VersionRecord.File,
        dataKey: SecretKey,
        context: BlobContext,
        blobs: any BlobSource
    ) throws {
        self.file = file
        reader = try blobs.open(file.sealedSHA256)
        guard reader.byteCount == file.sealedBytes else {
            throw RegistryError(
                .dataLoss,
                "\(reader.byteCount) bytes are stored, and \(file.sealedBytes) were signed"
            )
        }
        let reader = reader
        var header = [UInt8](repeating: 0, count: BlobLayout.headerBytes)
        try header.withMutableRawBytes { bytes in try reader.read(into: &bytes, at: 0) }
        opener = try BlobOpener(header: header, key: dataKey, context: context)
        guard opener.commitment == file.commitment, opener.plaintextBytes == file.size,
            opener.sealedBytes == file.sealedBytes
        else {
            throw RegistryError(.dataLoss, "the stored file is not the one that was signed")
        }
    }

    /// The whole plaintext, whose digest has to be the one that was signed.
    ///
    /// - Parameters:
    ///   - threads: Threads that open chunks, the caller's among them.
    ///   - hashed: The blobs whose digest is known to be; this one is among them afterwards.
    func readAll(threads: Int, hashed: HashedBlobs) throws -> SecretBuffer {
        let buffer = try SecretBuffer(byteCount: Int(file.size))
        let isKnown = hashed.contains(file.sealedSHA256)
        let opening = WholeFileOpening(opener, reader: reader, into: buffer, hashes: !isKnown)
        let digest = try opening.run(threads: threads)
        guard isKnown || digest == file.sha256 else {
            throw RegistryError(.dataLoss, "its SHA-256 is not the one that was signed")
        }
        hashed.insert(file.sealedSHA256)
        return buffer
    }

    /// Hands the whole plaintext on in pieces; its digest has to be the one that was signed.
    ///
    /// - Parameters: As for ``OpenedVersion/readPieces(_:threads:_:)``.
    func readPieces(
        threads: Int,
        hashed: HashedBlobs,
        _ take: @escaping @Sendable (RawSpan) -> Bool
    ) throws {
        let isKnown = hashed.contains(file.sealedSHA256)
        let opening = PiecewiseOpening(opener, reader: reader, hashes: !isKnown)
        guard try opening.run(threads: threads, take), !isKnown else { return }
        guard opening.digest == file.sha256 else {
            throw RegistryError(.dataLoss, "its SHA-256 is not the one that was signed")
        }
        hashed.insert(file.sealedSHA256)
    }

    /// A part of the plaintext; the range must not be empty and must lie inside the file.
    func read(_ range: Range<UInt64>) throws -> [UInt8] {
        let chunkBytes = UInt64(opener.chunkBytes)
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var sealed: [UInt8] = []
        for index in range.lowerBound / chunkBytes...(range.upperBound - 1) / chunkBytes {
            try readSealed(index, into: &sealed)
            let chunk = try opener.openChunk(index: index, sealed: sealed)
            let start = index * chunkBytes
            let lower = max(range.lowerBound, start) - start
            let upper = min(range.upperBound - start, UInt64(chunk.byteCount))
            result += chunk.copyBytes(Int(lower)..<Int(upper))
        }
        return result
    }

    private func readSealed(_ index: UInt64, into sealed: inout [UInt8]) throws {
        let range = opener.layout.sealedRange(ofChunk: index)
        if sealed.count != range.count {
            sealed = [UInt8](repeating: 0, count: range.count)
        }
        try sealed.withMutableRawBytes { bytes in
            try reader.read(into: &bytes, at: range.lowerBound)
        }
    }
}
