internal import NIOCore
internal import RPC
internal import Registry
internal import Serving
internal import Wire

extension RegistryService {
    private static var readers: RoleSet { [.publisher, .observer] }

    var reading: [Method] {
        [
            service.control(
                "ListModels",
                rule: .anyModel(Self.readers),
                replyBytes: { _ in Page.maxBytes },
                listModels
            ),
            service.control(
                "ListVersions",
                rule: .model(Self.readers, \.model),
                replyBytes: { _ in Page.maxBytes },
                listVersions
            ),
            service.control(
                "GetVersion",
                rule: .model(Self.readers, \.model),
                replyBytes: { _ in Page.maxBytes },
                getVersion
            ),
            service.control(
                "ReadFile",
                rule: .model([], \.model),
                replyBytes: { Int(min($0.length, UInt32(Limits.maxReadBytes))) },
                readFile
            ),
            service.control(
                "ListAuditEvents",
                rule: .anyModel([.observer]),
                replyBytes: { _ in Page.maxBytes },
                listAuditEvents
            ),
        ]
    }

    private func listModels(
        _ request: V1.ListModelsRequest,
        _ caller: Caller
    ) async throws -> V1.ListModelsResponse {
        let registry = registry
        let limit = try Page.size(request.pageSize)
        let after = request.pageToken.isEmpty ? nil : request.pageToken
        let models = try await work.run {
            try registry.models(
                after: after,
                limit: limit,
                where: { caller.has(Self.readers, on: $0) }
            )
        }
        let page = Page.fitting(models.map(V1.Model.init))
        let isLast = page.count == models.count && models.count < limit
        return V1.ListModelsResponse(
            models: page,
            nextPageToken: isLast ? "" : page.last?.name ?? ""
        )
    }

    private func listVersions(
        _ request: V1.ListVersionsRequest,
        _ caller: Caller
    ) async throws -> V1.ListVersionsResponse {
        let registry = registry
        let limit = try Page.size(request.pageSize)
        let before = try Page.number(request.pageToken)
        let versions = try await work.run {
            try registry.versions(model: request.model, before: before, limit: limit)
        }
        var messages: [V1.Version] = []
        for version in versions { messages.append(await message(version)) }
        let page = Page.fitting(messages)
        let isLast = page.count == versions.count && versions.count < limit
        return V1.ListVersionsResponse(
            versions: page,
            nextPageToken: isLast ? "" : page.last.map { String($0.version) } ?? ""
        )
    }

    private func getVersion(
        _ request: V1.GetVersionRequest,
        _ caller: Caller
    ) async throws -> V1.GetVersionResponse {
        let registry = registry
        let limit = try Page.size(request.pageSize)
        let start = Int(clamping: try Page.number(request.pageToken) ?? 0)
        let (info, files, record) = try await work.run {
            (
                try registry.version(model: request.model, version: request.version),
                try registry.files(model: request.model, version: request.version),
                try registry.record(model: request.model, version: request.version)
            )
        }
        let page = files.dropFirst(start).prefix(limit)
        let end = start + page.count
        return V1.GetVersionResponse(
            version: await message(info),
            files: page.map(V1.File.init),
            record: start == 0 ? record.record : [],
            recordSignature: start == 0 ? record.signature : [],
            nextPageToken: end < files.count ? String(end) : ""
        )
    }

    private func readFile(
        _ request: V1.ReadFileRequest,
        _ caller: Caller
    ) async throws -> V1.ReadFileResponse {
        let registry = registry
        let bytes = try await work.run {
            try registry.readFile(
                model: request.model,
                version: request.version,
                path: request.path,
                offset: request.offset,
                length: Int(request.length)
            )
        }
        return V1.ReadFileResponse(data: ByteBuffer(bytes: bytes))
    }
}
