internal import Registry
internal import Sealing

/// The keys of a home, and what counts on each.
package enum HomeKeyList {
    /// One key.
    package struct Entry: Sendable {
        package let id: String
        /// `folder`, `environment`, `passphrase` or `command`.
        package let kind: String
        package let isCurrent: Bool
        package let isRetired: Bool
        /// Data keys that it wraps, the registry's own included; the signing key counts too.
        package let wrappedKeys: UInt64
    }

    /// All keys by id, retired ones last; also while a server runs.
    ///
    /// - Throws: ``ServerError``.
    package static func read(_ home: Home, keys source: String?) throws -> [Entry] {
        let keys = try HomeKeys.open(home, source: source)
        do {
            let layout = HomeRegistry.layout(home, keys: keys)
            var counts = try KeyCounts.read(layout).wrapped
            counts[try SigningKeyFile.kekID(folder: keys.folder), default: 0] += 1
            let provider = keys.provider
            func entry(_ id: String, isRetired: Bool) -> Entry {
                Entry(
                    id: id,
                    kind: provider.kind,
                    isCurrent: id == provider.currentKeyID,
                    isRetired: isRetired,
                    wrappedKeys: counts[id] ?? 0
                )
            }
            return provider.keyIDs.map { entry($0, isRetired: false) }
                + (try provider.retiredKeyIDs()).map { entry($0, isRetired: true) }
        } catch let error as RegistryError {
            throw ServerError(error.description)
        } catch let error as SealingError {
            throw ServerError(of: error)
        }
    }
}
