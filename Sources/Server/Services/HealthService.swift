internal import RPC
internal import Serving
internal import Synchronization
internal import Wire

/// `strongroom.v1.Health`: answers without a certificate, save for a model.
struct HealthService: Sendable {
    let service: Service
    let host: ModelHost
    let readiness: Readiness

    var methods: [Method] {
        [service.direct("Check", rule: .anyone, servesWhileDraining: true, check)]
    }

    private func check(_ request: V1.CheckRequest, _ arrival: Arrival) throws {
        var ready = readiness.isReady
        if !request.model.isEmpty {
            try arrival.caller.authorize(Set(Role.allCases), on: request.model, method: "Check")
            let alias = AliasName.orLive(request.alias)
            ready = ready && host.isReady(model: request.model, alias: alias)
        }
        arrival.call.succeed(
            V1.CheckResponse(live: true, ready: ready, version: StrongroomVersion.current)
        )
    }
}
