internal import RPC
internal import Registry
internal import Wire

/// `strongroom.v1.Maintenance`: upkeep of the registry while it serves. Role admin on all models.
struct MaintenanceService: Sendable {
    let service: Service

    var methods: [Method] {
        [service.control("Collect", rule: .allModels([]), collect)]
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
