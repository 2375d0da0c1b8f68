internal import NIOCore
package import Text
package import Wire

extension StrongroomClient {
    /// Chunks that are under way at once: enough to keep the server sealing. Each is in memory
    /// three times, as it was read, as a message and as a frame.
    private static let chunksInFlight = 4

    /// What a publication became.
    public struct Publication: Sendable {
        /// The version's number.
        public let version: UInt64
        /// Why the server rejected the version; nil: it may serve.
        public let rejection: String?
    }

    /// Publishes a bundle, and moves an alias to it when it is ready.
    ///
    /// A publication that was cut goes on where it stopped when it is asked for again: the same
    /// bundle with the same metadata has the same idempotency key unless one is given.
    /// - Parameters:
    ///   - alias: nil moves none.
    ///   - metadata: keys and values; keys are compared by their UTF-8 bytes, and none may be there
    ///     twice.
    ///   - progress: bytes that the server holds, and bytes in all.
    /// - Throws: ``StrongroomError``.
    public func publish(
        model: String,
        bundle: ModelBundle,
        alias: String? = "live",
        metadata: some Sequence<(key: String, value: String)> = [String: String](),
        idempotencyKey: String? = nil,
        progress: @Sendable (_ held: UInt64, _ total: UInt64) -> Void = { _, _ in }
    ) async throws -> Publication {
        var pairs: [ExactString: ExactString] = [:]
        for (key, value) in metadata {
            let before = pairs.updateValue(ExactString(value), forKey: ExactString(key))
            guard before == nil else {
                throw StrongroomError(.invalidArgument, "metadata \(quoted(key)) is given twice")
            }
        }
        let version = try await publishVersion(
            model: model,
            bundle: bundle,
            alias: alias,
            metadata: pairs,
            idempotencyKey: idempotencyKey,
            wait: true,
            progress: progress
        )
        return Publication(
            version: version.version,
            rejection: version.state == .rejected ? version.reason : nil
        )
    }

    /// As ``publish(model:bundle:alias:metadata:idempotencyKey:progress:)``, with the contract's
    /// own answer.
    package func publishVersion(
        model: String,
        bundle: ModelBundle,
        alias: String?,
        metadata: [ExactString: ExactString],
        idempotencyKey: String?,
        wait: Bool,
        progress: @Sendable (_ held: UInt64, _ total: UInt64) -> Void
    ) async throws -> V1.Version {
        let begun: V1.BeginPublishResponse = try await call(
            "Registry",
            "BeginPublish",
            V1.BeginPublishRequest(
                model: model,
                files: bundle.files.map {
                    V1.File(path: ExactString($0.path), size: $0.size, sha256: $0.sha256)
                },
                metadata: metadata,
                idempotencyKey: idempotencyKey ?? bundle.digest(metadata: metadata)
            )
        )
        guard begun.version == 0 else {
            return try await adopt(begun.version, model: model, alias: alias, wait: wait)
        }
        try await upload(bundle, begun: begun, progress: progress)
        let committed: V1.CommitPublishResponse = try await call(
            "Registry",
            "CommitPublish",
            V1.CommitPublishRequest(uploadID: begun.uploadID, alias: alias ?? "", waitReady: wait),
            timeout: Timeouts.load
        )
        guard let version = committed.version else {
            throw StrongroomError(.internalError, "the server's answer has no version")
        }
        return version
    }

    /// The key became a version before: only the alias may still have to move.
    private func adopt(
        _ number: UInt64,
        model: String,
        alias: String?,
        wait: Bool
    ) async throws -> V1.Version {
        let version = try await version(number, of: model)
        guard let alias, version.state == .stored, !version.aliases.contains(alias) else {
            return version
        }
        let _: V1.SetAliasResponse = try await call(
            "Registry",
            "SetAlias",
            V1.SetAliasRequest(model: model, alias: alias, version: number, waitReady: wait),
            timeout: Timeouts.load
        )
        return try await self.version(number, of: model)
    }

    private func version(_ number: UInt64, of model: String) async throws -> V1.Version {
        let response: V1.GetVersionResponse = try await call(
            "Registry",
            "GetVersion",
            V1.GetVersionRequest(model: model, version: number, pageSize: 1)
        )
        guard let version = response.version else {
            throw StrongroomError(.internalError, "the server's answer has no version")
        }
        return version
    }

    private func upload(
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
