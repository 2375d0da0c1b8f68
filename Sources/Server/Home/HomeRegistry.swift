internal import Logging
internal import Registry
internal import Sealing

/// The registry of a home, opened by the one process that may change it.
enum HomeRegistry {
    /// - Throws: ``ServerError``: one line that says what is wrong.
    static func open(
        _ home: Home,
        keys: HomeKeys,
        trust: HomeTrust = .strict,
        logger: Logger? = nil
    ) throws -> Registry {
        try home.checkAccess(trust)
        let steps = Steps { step in
            logger?.trace("registry step", metadata: ["step": "\(step)"])
        }
        do {
            let registry = try Registry(
                layout: layout(home, keys: keys, trust: trust),
                keys: keys.provider,
                steps: steps
            ) { registryID in
                try SigningKeyFile.open(
                    folder: keys.folder,
                    provider: keys.provider,
                    registryID: registryID,
                    calls: trust.calls
                )
            }
            if let migration = registry.migration { logger?.notice("\(migration)") }
            return registry
        } catch let error as RegistryError {
            let hint = error.isAcceptable ? HomeRestore.acceptHint(home) : nil
            throw ServerError(error.description, hint: hint)
        } catch let error as SealingError {
            throw ServerError(error.message)
        }
    }

    static func layout(
        _ home: Home,
        keys: HomeKeys,
        trust: HomeTrust = .strict
    ) -> RegistryLayout {
        RegistryLayout(
            store: home.store,
            sequencePath: keys.sequencePath,
            files: trust.calls
        )
    }
}
