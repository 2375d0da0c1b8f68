internal import Logging
internal import Registry

extension Reconciler {
    /// The slot of a version asked for by number: loaded if need be, and kept while it is used.
    /// - Parameter principal: The caller, in whose turns it is loaded.
    /// - Throws: ``ServingError`` as a prediction would.
    package func pin(
        _ id: VersionID,
        for principal: String
    ) async throws(ServingError) -> Slot {
        if let slot = loaded.slot(id) {
            slot.markUsed()
            return slot
        }
        // Asked first: what is not there must not stand in the queue for loads.
        try await checkMayLoad(id)
        loaded.pin(id)
        switch await load(id, for: principal).value {
        case .success(let slot):
            sweep()
            return slot
        case .failure(let failure):
            loaded.unpin(id)
            throw failure.servingError(id)
        }
    }

    /// Notes that another principal waits for a version that was asked for by number.
    package func joinLoad(_ id: VersionID, for principal: String) async {
        // Behind the check of the caller that asked first, which begins the load.
        await control.run {}
        join(id, for: principal)
    }

    private func checkMayLoad(_ id: VersionID) async throws(ServingError) {
        let registry = registry
        do {
            let info = try await control.run {
                try registry.version(model: id.model, version: id.version)
            }
            guard info.state != .rejected else {
                throw ServingError.rejected(id, reason: info.reason)
            }
        } catch let error as ServingError {
            throw error
        } catch {
            throw Loader.Failure(reading: error, id: id).servingError(id)
        }
    }

    /// Forgets a deleted version.
    package func versionDeleted(_ id: VersionID) {
        loaded.delete(id)
        control.begin { [registry] in
            registry.loadNotes.forget(model: id.model, version: id.version)
        }
        for (alias, followed) in aliases where followed.previous == id {
            aliases[alias]?.previous = nil
        }
        routes.swap { table in table.update(id.model) { $0.slots[id.version] = nil } }
        sweep()
    }

    /// This server's view of a version; nil: it has none.
    package func status(of id: VersionID) -> ReplicaStatus? {
        loaded.status(of: id)
    }

    // MARK: - Loads

    /// The load of a version: one that is under way, a new one, or the result of one.
    ///
    /// - Parameters:
    ///   - principal: The principal in whose turns it is loaded.
    ///   - isValidation: Whether a new one is to try what was rejected, or tried before.
    func load(
        _ id: VersionID,
        for principal: String,
        isValidation: Bool = false
    ) -> Task<LoadedVersions.Loaded, Never> {
        if let load = loaded.load(of: id) {
            join(id, for: principal)
            return load
        }
        if let slot = loaded.slot(id) { return Task { .success(slot) } }
        do throws(ServingError) {
            try loadOwners.begin(id, for: principal)
        } catch {
            return Task { .failure(.passing(error)) }
        }
        let isLive = isLive(id)
        let task = Task {
            let result = await self.guardedLoad(
                id,
                isLive: isLive,
                isValidation: isValidation
            )
            await self.ended(id, result)
            return result
        }
        loaded.begin(id, task)
        return task
    }

    /// Once for each load, and before anybody who waits for it goes on.
    private func ended(_ id: VersionID, _ result: LoadedVersions.Loaded) async {
        // What answered before may fail on another machine: the alias keeps it, and it is only
        // known to be broken here.
        if case .failure(.rejected(let reason, let detail)) = result, !isLive(id) {
            await recordRejection(of: id, reason: reason, detail: detail)
        }
        loaded.end(id, result)
        loadOwners.end(id)
        if let slot = loaded.slot(id) {
            routes.swap { table in table.update(id.model) { $0.slots[id.version] = slot } }
        }
        // Aliases in a pause need not sit it out.
        for (alias, followed) in aliases where followed.retry != nil && followed.held.contains(id) {
            if case .failure(let failure) = result, failure.mayPass { continue }
            beginPass(alias)
        }
        sweep()
    }

    /// Whether an alias answers with a version, as the registry has it.
    private func isLive(_ id: VersionID) -> Bool {
        aliases.values.contains { $0.current == id }
    }

    private func recordRejection(of id: VersionID, reason: String, detail: String) async {
        var metadata = Self.metadata(id)
        metadata["reason"] = "\(reason)"
        if !detail.isEmpty { metadata["detail"] = "\(detail)" }
        logger.warning("a version was rejected", metadata: metadata)
        let registry = registry
        do {
            try await control.run {
                try registry.reject(model: id.model, version: id.version, reason: reason)
            }
        } catch {
            metadata["error"] = "\(error)"
            logger.error("a rejection could not be recorded", metadata: metadata)
        }
    }

    /// Lets go of versions that nothing asks for any more.
    func sweep() {
        let held = Set(aliases.values.flatMap(\.held))
        let unloaded = loaded.release(except: held, pinnedLimit: limits.pinnedVersions)
        guard !unloaded.isEmpty else { return }
        routes.swap { table in
            for id in unloaded { table.update(id.model) { $0.slots[id.version] = nil } }
        }
        for id in unloaded {
            logger.info("a version is unloaded", metadata: Self.metadata(id))
        }
    }

    static func metadata(_ id: VersionID) -> Logger.Metadata {
        ["model.name": "\(id.model)", "model.version": "\(id.version)"]
    }

    /// The reason why a version runs in an engine host; empty for one in the server.
    static func metadata(_ isolation: SlotIsolation) -> Logger.Metadata {
        guard isolation.isHosted else { return [:] }
        var metadata: Logger.Metadata = [
            "isolation": "\(isolation.mode)", "isolation.why": "\(isolation.why)",
        ]
        if let node = isolation.node { metadata["isolation.node"] = "\(node)" }
        return metadata
    }
}
