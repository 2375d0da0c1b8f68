internal import NIOCore
internal import RPC
internal import Registry
internal import Serving
internal import Wire

extension RegistryService {
    var publishing: [Method] {
        [
            service.control("BeginPublish", rule: .model([.publisher], \.model), begin),
            service.upload("UploadChunk", id: \.uploadID, receive),
            service.control("GetUpload", rule: .upload(\.uploadID), status),
            service.control("CommitPublish", rule: .upload(\.uploadID), commit),
            service.control("AbortPublish", rule: .upload(\.uploadID), abort),
        ]
    }

    private func begin(
        _ request: V1.BeginPublishRequest,
        _ caller: Caller
    ) async throws -> V1.BeginPublishResponse {
        let (registry, uploadsPerPrincipal) = (registry, uploadsPerPrincipal)
        let begun = try await work.run {
            try registry.beginPublish(
                PublishRequest(
                    model: request.model,
                    files: request.files.map {
                        BundleFile(path: $0.path, size: $0.size, sha256: $0.sha256)
                    },
                    metadata: request.metadata,
                    idempotencyKey: request.idempotencyKey
                ),
                principal: caller.name,
                uploadsPerPrincipal: uploadsPerPrincipal
            )
        }
        return V1.BeginPublishResponse(
            uploadID: begun.uploadID,
            chunkBytes: begun.chunkBytes,
            version: begun.version ?? 0
        )
    }

    private func receive(
        _ request: V1.UploadChunkRequest,
        _ caller: Caller
    ) throws -> V1.UploadChunkResponse {
        let bytes = request.data.readableBytesSpan
        guard CRC32C.checksum(bytes) == request.crc32c else {
            throw Status(
                .dataLoss,
                "the chunk of file \(request.fileIndex) at offset \(request.offset) does not match "
                    + "its CRC-32C"
            )
        }
        let next = try registry.receiveChunk(
            uploadID: request.uploadID,
            fileIndex: Int(request.fileIndex),
            offset: request.offset,
            bytes: bytes,
            principal: caller.name
        )
        return V1.UploadChunkResponse(nextOffset: next)
    }

    private func status(
        _ request: V1.GetUploadRequest,
        _ caller: Caller
    ) async throws -> V1.GetUploadResponse {
        let registry = registry
        let status = try await work.run {
            try registry.uploadStatus(uploadID: request.uploadID, principal: caller.name)
        }
        return V1.GetUploadResponse(
            nextOffsets: status.nextOffsets,
            version: status.version ?? 0
        )
    }

    /// Durable first, then live: a caller that does not wait has a version that survives a crash,
    /// and the reconciler goes on by itself.
    private func commit(
        _ request: V1.CommitPublishRequest,
        _ caller: Caller
    ) async throws -> V1.CommitPublishResponse {
        let registry = registry
        let alias = request.alias.isEmpty ? nil : request.alias
        let committed = try await work.run {
            try registry.commit(
                uploadID: request.uploadID,
                alias: alias,
                overrides: MoveOverrides(
                    allowsSignatureChange: request.allowSignatureChange,
                    isForced: request.force
                ),
                principal: caller.name
            )
        }
        let info = committed.version
        await reconciler.modelAdded(info.model)
        var signatureChanges: [String] = []
        var isUnsettled = false
        if let move = committed.move {
            let id = AliasID(model: info.model, alias: move.name)
            if request.waitReady {
                let end = await reconciler.waitForMove(id, generation: move.generation)
                signatureChanges = end?.signatureChanges ?? []
                isUnsettled = end == nil
            } else {
                await reconciler.aliasChanged(id)
            }
        } else if info.state == .stored {
            let id = VersionID(model: info.model, version: info.version)
            if request.waitReady {
                isUnsettled = try await reconciler.validate(id, principal: caller.name) == nil
            } else {
                await reconciler.validateInBackground(id, principal: caller.name)
            }
        }
        let after = try await work.run {
            try registry.version(model: info.model, version: info.version)
        }
        return V1.CommitPublishResponse(
            version: await message(after, isUnsettled: isUnsettled),
            signatureChanges: signatureChanges
        )
    }

    private func abort(
        _ request: V1.AbortPublishRequest,
        _ caller: Caller
    ) async throws -> V1.AbortPublishResponse {
        let registry = registry
        try await work.run {
            try registry.abort(uploadID: request.uploadID, principal: caller.name)
        }
        return V1.AbortPublishResponse()
    }
}
