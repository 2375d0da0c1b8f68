internal import Registry
package import Wire

/// The rotation of the keys of a home that no server has open.
package enum HomeRotation {
    /// Rotates, as ``Registry/rotateKeys(signingKeyFolder:principal:)`` does.
    ///
    /// - Parameter keys: The source that the configuration names; nil: the home's own folder.
    /// - Throws: ``ServerError``: also while another process has the registry open.
    package static func run(_ home: Home, keys source: String?) throws -> V1.RotateKeysResponse {
        let keys = try HomeKeys.open(home, source: source)
        let registry = try HomeRegistry.open(home, keys: keys)
        do {
            return V1.RotateKeysResponse(
                try registry.rotateKeys(signingKeyFolder: keys.folder)
            )
        } catch let error as RegistryError {
            throw ServerError(error.description)
        }
    }
}
