internal import Sealing

extension Registry {
    /// Unwraps a bundle's data key.
    ///
    /// - Parameter wrapped: The key's row as it was read.
    /// - Throws: As ``KeyProvider/unwrap(_:context:)``.
    func dataKey(_ wrapped: WrappedKey, model: String, bundleID: [UInt8]) throws -> SecretKey {
        let context = WrapContext(registryID: registryID, model: model, bundleID: bundleID)
        do {
            return try keys.unwrap(wrapped, context: context)
        } catch {
            // A rotation may have brought it under another key since, and put that one aside.
            guard error.code == .keyMissing,
                let now = try metadata.read({ try $0.wrappedKey(bundleID: bundleID) }),
                now.kekID != wrapped.kekID
            else { throw error }
            return try dataKey(now, model: model, bundleID: bundleID)
        }
    }
}
