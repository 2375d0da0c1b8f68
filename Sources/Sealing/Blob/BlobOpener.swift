/// Opens one sealed blob: its header at once, its chunks in any order and from any thread.
///
/// A chunk's bytes are released only after its tag holds. The blob as a whole is good only when
/// every chunk up to the last opened and no byte follows it: compare the stored size with
/// ``sealedBytes``, or use ``open(whole:)-(RawSpan)``.
package final class BlobOpener: Sendable {
    /// Where the chunks lie. Its numbers are authentic once the opener exists.
    package let layout: BlobLayout
    /// What the header states of the key; compare it with the signed version record.
    package let commitment: [UInt8]

    private let header: [UInt8]
    private let cipher: ChunkCipher

    /// Checks the header: form, context, key commitment, MAC, in this order.
    ///
    /// - Parameters:
    ///   - header: The blob's first 160 bytes.
    ///   - key: The version's data key.
    ///   - context: Where the blob must belong.
    /// - Throws: `format` for bytes that are no such header, `authentication` for another
    ///   context, another key, or an altered header.
    package init(
        header: [UInt8],
        key: SecretKey,
        context: BlobContext
    ) throws(SealingError) {
        let parsed = try BlobHeader(parsing: header)
        guard ConstantTime.equal(parsed.contextHash, context.hash) else {
            throw SealingError(
                .authentication,
                "the blob was not sealed for \(context.path) of this bundle of \(context.model)"
            )
        }
        let keys = try BlobKeys(
            dataKey: key,
            salt: parsed.salt,
            derivedBytes: Array(header[BlobHeader.derivedRange])
        )
        let stated = Array(header[BlobHeader.derivedRange.upperBound..<128])
        guard ConstantTime.equal(stated, keys.commitment) else {
            throw SealingError(
                .authentication,
                "the blob is sealed with another key, or its header is altered"
            )
        }
        let mac = try keys.mac(over: Array(header[BlobHeader.authenticatedRange]))
        guard ConstantTime.equal(Array(header[128...]), mac) else {
            throw SealingError(.authentication, "the blob's header is altered: its MAC differs")
        }
        self.header = header
        layout = parsed.layout
        commitment = stated
        cipher = ChunkCipher(
            key: keys.encryption,
            noncePrefix: parsed.noncePrefix,
            header: header
        )
    }

    /// Checks the header, as for an array.
    package convenience init(
        header: RawSpan,
        key: SecretKey,
        context: BlobContext
    ) throws(SealingError) {
        try self.init(header: header.copyToArray(), key: key, context: context)
    }

    /// The bytes of the plaintext.
    package var plaintextBytes: UInt64 { layout.plaintextBytes }
    /// The plaintext bytes of a full chunk.
    package var chunkBytes: Int { layout.chunkBytes }
    /// The chunks, at least one.
    package var chunkCount: UInt64 { layout.chunkCount }
    /// The bytes that the whole blob must have.
    package var sealedBytes: UInt64 { layout.sealedBytes }

    /// Opens a chunk into `output`, which must have exactly the chunk's plaintext size. On an
    /// error nothing of the plaintext is left there.
    ///
    /// - Parameter sealed: The chunk's ciphertext and tag, and nothing else.
    /// - Throws: `format` for an index or a size that the header rules out, `authentication` if
    ///   the tag does not hold.
    package func openChunk(
        index: UInt64,
        sealed: RawSpan,
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        let count = try plaintextBytes(ofChunk: index, sealedBytes: sealed.byteCount)
        precondition(output.byteCount == count, "room for \(output.byteCount) bytes, not \(count)")
        do {
            try cipher.open(
                sealed,
                index: UInt32(index),
                isLast: index == chunkCount - 1,
                into: &output
            )
        } catch {
            throw SealingError(error.code, "chunk \(index) of \(chunkCount): \(error.message)")
        }
    }

    /// Opens a chunk whose ciphertext lies in `bytes`, and nothing else, where it lies. On an error
    /// nothing is left there.
    ///
    /// - Parameter tag: The bytes that follow the ciphertext.
    /// - Throws: As for a chunk that is opened into another place.
    package func openChunk(
        index: UInt64,
        inPlace bytes: inout MutableRawSpan,
        tag: [UInt8]
    ) throws(SealingError) {
        _ = try plaintextBytes(ofChunk: index, sealedBytes: bytes.byteCount + tag.count)
        precondition(tag.count == AESGCM.tagBytes, "a tag of \(tag.count) bytes")
        do {
            try cipher.open(
                inPlace: &bytes,
                tag: tag,
                index: UInt32(index),
                isLast: index == chunkCount - 1
            )
        } catch {
            throw SealingError(error.code, "chunk \(index) of \(chunkCount): \(error.message)")
        }
    }

    /// Opens a chunk into `buffer` at `offset`; there must be room for it.
    ///
    /// - Throws: As for a span.
    package func openChunk(
        index: UInt64,
        sealed: RawSpan,
        into buffer: SecretBuffer,
        at offset: Int
    ) throws(SealingError) {
        let count = try plaintextBytes(ofChunk: index, sealedBytes: sealed.byteCount)
        try buffer.withMutableBytes(offset..<(offset + count)) {
            (output: inout MutableRawSpan) throws(SealingError) in
            try openChunk(index: index, sealed: sealed, into: &output)
        }
    }

    /// Opens a chunk into a buffer of its own.
    ///
    /// - Throws: As for a span, and `limit` if there is no memory.
    package func openChunk(index: UInt64, sealed: RawSpan) throws(SealingError) -> SecretBuffer {
        let count = try plaintextBytes(ofChunk: index, sealedBytes: sealed.byteCount)
        let buffer = try SecretBuffer(byteCount: count)
        try openChunk(index: index, sealed: sealed, into: buffer, at: 0)
        return buffer
    }

    /// Opens a chunk into a buffer of its own, as for a span.
    package func openChunk(index: UInt64, sealed: [UInt8]) throws(SealingError) -> SecretBuffer {
        try sealed.withRawSpan { (sealed: RawSpan) throws(SealingError) in
            try openChunk(index: index, sealed: sealed)
        }
    }

    /// Opens the whole blob, header included.
    ///
    /// - Throws: `format` if the size is not ``sealedBytes`` or the header is not the one that
    ///   was checked, `authentication` if a tag does not hold, `limit` if there is no memory.
    package func open(whole sealed: RawSpan) throws(SealingError) -> SecretBuffer {
        guard UInt64(sealed.byteCount) == sealedBytes else {
            throw SealingError(
                .format,
                "the blob has \(sealed.byteCount) bytes; its header says \(sealedBytes)"
            )
        }
        guard sealed.extracting(0..<header.count).copyToArray() == header else {
            throw SealingError(.format, "the blob begins with another header")
        }
        let buffer = try SecretBuffer(byteCount: Int(plaintextBytes))
        for index in 0..<chunkCount {
            let range = layout.sealedRange(ofChunk: index)
            let chunk = sealed.extracting(Int(range.lowerBound)..<Int(range.upperBound))
            try openChunk(
                index: index,
                sealed: chunk,
                into: buffer,
                at: Int(index) * chunkBytes
            )
        }
        return buffer
    }

    /// Opens the whole blob, as for a span.
    package func open(whole sealed: [UInt8]) throws(SealingError) -> SecretBuffer {
        try sealed.withRawSpan { (sealed: RawSpan) throws(SealingError) in
            try open(whole: sealed)
        }
    }

    private func plaintextBytes(
        ofChunk index: UInt64,
        sealedBytes: Int
    ) throws(SealingError) -> Int {
        guard index < chunkCount else {
            throw SealingError(.format, "chunk \(index) of a blob of \(chunkCount)")
        }
        let count = layout.plaintextBytes(ofChunk: index)
        guard sealedBytes == count + AESGCM.tagBytes else {
            throw SealingError(
                .format,
                "chunk \(index) of \(chunkCount) has \(sealedBytes) sealed bytes; expected "
                    + "\(count + AESGCM.tagBytes)"
            )
        }
        return count
    }
}
