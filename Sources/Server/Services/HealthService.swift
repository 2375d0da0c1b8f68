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
        let ready: Bool
        if request.model.isEmpty {
            ready = readiness.isReady
        } else {
            try arrival.caller.authorize(RoleSet.all, on: request.model, method: "Check")
            let alias = AliasName.orLive(request.alias)
            // During the first loads each alias answers as soon as its own version is loaded.
            ready =
                !readiness.isDraining.isSet
                && host.unreadiness(model: request.model, alias: alias) == nil
        }
        arrival.call.succeed(
            V1.CheckResponse(live: true, ready: ready, version: StrongroomVersion.current)
        )
    }
}
