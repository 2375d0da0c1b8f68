internal import Glibc
internal import RPC
package import Registry
internal import Sealing

/// `strongroom restore`: a home's store out of a backup, and the acceptance of a store that is not
/// known to be the newest.
package struct HomeRestore: Sendable {
    private let home: Home
    private let keys: HomeKeys

    /// Opens the keys, which no backup holds.
    /// - Parameter keys: where they come from, as for `init --keys`.
    package init(home: Home, keys: String?) throws(ServerError) {
        guard ProcessMemory.refuseDumps() else {
            throw ServerError("this process could not be kept from being dumped")
        }
        self.home = home
        do {
            self.keys = try HomeKeys.open(home, source: keys)
        } catch {
            throw ServerError(
                error.message,
                hint: "a backup holds no keys: bring them back first; 'keys' in "
                    + "\(home.configuration) says where they are"
            )
        }
    }

    /// Puts a backup in the place of the store.
    /// - Parameters:
    ///   - reason: why a backup is accepted that is not known to be the newest state; nil: it is
    ///     not.
    ///   - migrates: whether a backup of a former registry format is migrated.
    ///   - progress: called with the bytes that are done, and all bytes.
    /// - Throws: ``ServerError``; nothing was changed then.
    package func restore(
        from folder: String,
        accepting reason: String?,
        migrating migrates: Bool,
        progress: (UInt64, UInt64) -> Void
    ) throws(ServerError) -> RegistryRestore.Report {
        do {
            let restore = RegistryRestore(
                from: folder,
                to: HomeRegistry.layout(home, keys: keys),
                keys: keys.provider
            )
            return try restore.run(
                acceptance: try reason.map(Self.acceptance),
                migrates: migrates,
                progress: progress,
                signing: signingKey
            )
        } catch let error as RegistryRestore.FormerFormat {
            throw ServerError(
                error.description,
                hint: "to migrate the restored copy: strongroom restore \(folder) --migrate "
                    + "--home \(home.path)"
            )
        } catch let error as RegistryError where error.isAcceptable {
            throw ServerError(
                error.description,
                hint: "to restore it all the same: strongroom restore \(folder) --accept "
                    + "--reason TEXT --home \(home.path)"
            )
        } catch {
            throw ServerError(of: error)
        }
    }

    /// Accepts the store as it lies there.
    /// - Returns: nil if there was nothing to accept.
    package func accept(_ reason: String) throws(ServerError) -> Acceptance.Accepted? {
        do {
            return try Registry.accept(
                try Self.acceptance(reason),
                layout: HomeRegistry.layout(home, keys: keys),
                keys: keys.provider,
                signing: signingKey
            )
        } catch {
            throw ServerError(of: error)
        }
    }

    /// What to do about a store that is not known to be the newest.
    static func acceptHint(_ home: Home) -> String {
        "restore the newest backup, or accept it as it is, on record: strongroom restore --accept "
            + "--reason TEXT --home \(home.path)"
    }

    private static func acceptance(_ reason: String) throws -> Acceptance {
        try Acceptance(principal: Principal.user(getuid()).text, reason: reason)
    }

    private func signingKey(_ registryID: [UInt8]) throws -> SigningKey {
        try SigningKeyFile.open(
            folder: keys.folder,
            provider: keys.provider,
            registryID: registryID
        )
    }
}
