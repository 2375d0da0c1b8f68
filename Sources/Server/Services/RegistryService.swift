internal import RPC
internal import Registry
internal import Serving
internal import Wire

/// `strongroom.v1.Registry`: publishing, aliases, lists.
struct RegistryService: Sendable {
    let service: Service
    let reconciler: Reconciler
    /// The uploads that one principal may have open.
    let uploadsPerPrincipal: Int

    var registry: Registry { service.registry }
    var work: BlockingWork { service.work }

    var methods: [Method] { publishing + aliases + reading }

    /// What a version looks like from outside, with this server's view of it.
    ///
    /// - Parameter isUnsettled: Whether the move or the validation that the caller asked for has
    ///   not ended: the version shows as LOADING then, whatever it was before.
    func message(_ info: VersionInfo, isUnsettled: Bool = false) async -> V1.Version {
        let id = VersionID(model: info.model, version: info.version)
        var status = await reconciler.status(of: id)
        if isUnsettled, status?.load != .loading {
            status = ReplicaStatus(
                load: .loading,
                reason: "",
                sinceUnixMs: WallClock.system.nowUnixMs
            )
        }
        return V1.Version(info, replica: status, server: registry.serverID)
    }

    /// The alias as it is now.
    func message(alias: String, of model: String) async throws -> V1.Alias {
        let registry = registry
        return V1.Alias(try await work.run { try registry.alias(model: model, alias: alias) })
    }
}

/// Alias names default to `live` where a request leaves them empty.
enum AliasName {
    static let live = "live"

    static func orLive(_ name: String) -> String { name.isEmpty ? live : name }
}
