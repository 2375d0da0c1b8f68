internal import Registry
package import Wire

/// The collection of a home that no server has open.
package enum HomeCollection {
    /// Frees what nothing refers to, as ``Registry/collect(apply:principal:)`` does.
    ///
    /// - Parameter keys: The source that the configuration names; nil: the home's own folder.
    /// - Throws: ``ServerError``: also while another process has the registry open.
    package static func run(_ home: Home, keys: String?, apply: Bool) throws -> V1.CollectResponse {
        let registry = try HomeRegistry.open(home, keys: try HomeKeys.open(home, source: keys))
        do {
            return V1.CollectResponse(try registry.collect(apply: apply))
        } catch let error as RegistryError {
            throw ServerError(error.description)
        }
    }
}
