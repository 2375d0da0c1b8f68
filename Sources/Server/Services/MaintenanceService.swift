internal import RPC
internal import Registry
internal import Wire

/// `strongroom.v1.Maintenance`: upkeep of the registry while it serves. Role admin on all models.
struct MaintenanceService: Sendable {
    let service: Service

    /// Where the signing key is, which a rotation wraps anew too.
    let signingKeyFolder: String

    var methods: [Method] {
        [
            service.control("Collect", rule: .allModels([]), collect),
            service.control("RotateKeys", rule: .allModels([]), rotateKeys),
        ]
    }

    private func rotateKeys(
        _ request: V1.RotateKeysRequest,
        _ caller: Caller
    ) async throws -> V1.RotateKeysResponse {
        let (registry, folder) = (service.registry, signingKeyFolder)
        let rotation = try await service.work.run {
            try registry.rotateKeys(signingKeyFolder: folder, principal: caller.name)
        }
        return V1.RotateKeysResponse(rotation)
    }

    private func collect(
        _ request: V1.CollectRequest,
        _ caller: Caller
    ) async throws -> V1.CollectResponse {
        let registry = service.registry
        let collected = try await service.work.run {
            try registry.collect(apply: request.apply, principal: caller.name)
        }
        return V1.CollectResponse(collected)
    }
}
