/// Where the chunks of a blob lie: follows from the plaintext's length and the chunk size alone.
package struct BlobLayout: Sendable, Equatable {
    /// The bytes of the plaintext.
    package let plaintextBytes: UInt64
    /// The log2 of the plaintext bytes in a full chunk.
    package let chunkLog2: UInt8

    /// The layout of a blob.
    ///
    /// - Throws: `limit` if the chunk size is outside ``SealingLimits/chunkLog2`` or the
    ///   plaintext needs more than ``SealingLimits/maxChunks``.
    package init(plaintextBytes: UInt64, chunkLog2: UInt8) throws(SealingError) {
        let allowed = SealingLimits.chunkLog2
        guard allowed.contains(chunkLog2) else {
            throw SealingError(
                .limit,
                "chunks of 2^\(chunkLog2) bytes: the power is \(allowed.lowerBound) to "
                    + "\(allowed.upperBound)"
            )
        }
        let maxBytes = SealingLimits.maxChunks << UInt64(chunkLog2)
        guard plaintextBytes <= maxBytes else {
            throw SealingError(
                .limit,
                "\(plaintextBytes) bytes in chunks of 2^\(chunkLog2): at most \(maxBytes) bytes"
            )
        }
        self.plaintextBytes = plaintextBytes
        self.chunkLog2 = chunkLog2
    }

    /// The plaintext bytes of a full chunk.
    package var chunkBytes: Int { 1 << Int(chunkLog2) }

    /// The chunks; an empty plaintext has one empty chunk.
    package var chunkCount: UInt64 {
        plaintextBytes == 0 ? 1 : ((plaintextBytes - 1) >> UInt64(chunkLog2)) + 1
    }

    /// The bytes of the whole blob: header, ciphertext and tags.
    package var sealedBytes: UInt64 {
        UInt64(BlobHeader.byteCount) + plaintextBytes + chunkCount * UInt64(AESGCM.tagBytes)
    }

    /// The bytes of the tag at the end of each chunk.
    package static var tagBytes: Int { AESGCM.tagBytes }

    /// The bytes of the header, before the first chunk.
    package static var headerBytes: Int { BlobHeader.byteCount }

    /// The plaintext bytes of a chunk that exists.
    package func plaintextBytes(ofChunk index: UInt64) -> Int {
        precondition(index < chunkCount, "chunk \(index) of \(chunkCount)")
        let start = index << UInt64(chunkLog2)
        return Int(min(plaintextBytes - start, UInt64(chunkBytes)))
    }

    /// The place in the blob of a chunk that exists: its ciphertext and its tag.
    package func sealedRange(ofChunk index: UInt64) -> Range<UInt64> {
        let stride = UInt64(chunkBytes + AESGCM.tagBytes)
        let start = UInt64(BlobHeader.byteCount) + index * stride
        return start..<(start + UInt64(plaintextBytes(ofChunk: index) + AESGCM.tagBytes))
    }
}
