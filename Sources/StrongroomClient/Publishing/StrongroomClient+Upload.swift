internal import NIOCore
internal import Wire

extension StrongroomClient {
    /// Chunks that are under way at once: enough to keep the server sealing. Each is in memory
    /// three times, as it was read, as a message and as a frame.
    private static let chunksInFlight = 4

    /// Sends what the server does not hold of a bundle.
    func upload(
        _ bundle: ModelBundle,
        begun: V1.BeginPublishResponse,
        progress: @Sendable (_ held: UInt64, _ total: UInt64) -> Void
    ) async throws {
        let status: V1.GetUploadResponse = try await call(
            "Registry",
            "GetUpload",
            V1.GetUploadRequest(uploadID: begun.uploadID)
        )
        guard status.nextOffsets.count >= bundle.files.count else {
            throw StrongroomError(.internalError, "the server does not know all files")
        }
        var held = status.nextOffsets.reduce(0, +)
        progress(held, bundle.size)
        try await withThrowingTaskGroup(of: UInt64.self) { group in
            var inFlight = 0
            for (index, file) in bundle.files.enumerated() {
                let reader = try FileReader(file.location)
                var offset = status.nextOffsets[index]
                while offset < file.size {
                    if inFlight == Self.chunksInFlight, let sent = try await group.next() {
                        inFlight -= 1
                        held += sent
                        progress(held, bundle.size)
                    }
                    let data = try reader.read(at: offset, count: Int(begun.chunkBytes))
                    let at = offset
                    let count = UInt64(data.readableBytes)
                    guard at + count <= file.size, count > 0 else {
                        throw StrongroomError(
                            .failedPrecondition,
                            "\(file.path) changed while it was published"
                        )
                    }
                    group.addImmediateTask {
                        try await self.send(
                            data,
                            of: index,
                            at: at,
                            upload: begun.uploadID
                        )
                    }
                    inFlight += 1
                    offset += count
                }
            }
            for try await sent in group {
                held += sent
                progress(held, bundle.size)
            }
        }
    }

    private func send(
        _ data: ByteBuffer,
        of file: Int,
        at offset: UInt64,
        upload: String
    ) async throws -> UInt64 {
        let _: V1.UploadChunkResponse = try await call(
            "Registry",
            "UploadChunk",
            V1.UploadChunkRequest(
                uploadID: upload,
                fileIndex: UInt32(file),
                offset: offset,
                crc32c: CRC32C.checksum(data),
                data: data
            )
        )
        return UInt64(data.readableBytes)
    }
}
