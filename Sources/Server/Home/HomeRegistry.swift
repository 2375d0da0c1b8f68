internal import Logging
internal import Registry
internal import Sealing

/// The registry of a home, opened by the one process that may change it.
enum HomeRegistry {
    /// - Throws: ``ServerError``: one line that says what is wrong.
    static func open(_ home: Home, keys: HomeKeys, logger: Logger? = nil) throws -> Registry {
        let steps = Steps { step in
            logger?.trace("registry step", metadata: ["step": "\(step)"])
        }
        do {
            return try Registry(
                layout: layout(home, keys: keys),
                keys: keys.provider,
                steps: steps
            ) { registryID in
                try SigningKeyFile.open(
                    folder: keys.folder,
                    provider: keys.provider,
                    registryID: registryID
                )
            }
        } catch let error as RegistryError {
            let hint = error.isAcceptable ? HomeRestore.acceptHint(home) : nil
            throw ServerError(error.description, hint: hint)
        } catch let error as SealingError {
            throw ServerError(error.message)
        }
    }

    static func layout(_ home: Home, keys: HomeKeys) -> RegistryLayout {
        RegistryLayout(store: home.store, sequencePath: keys.sequencePath)
    }
}
