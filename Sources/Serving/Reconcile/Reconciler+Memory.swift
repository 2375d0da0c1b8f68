internal import Engine
internal import Logging
internal import Registry

extension Reconciler {
    /// Loads a version when its turn has come, if there is memory for it.
    func loadInTurn(_ version: OpenedVersion) async -> LoadedVersions.Loaded {
        let (id, bytes) = (version.id, version.info.bytes)
        do throws(ServingError) {
            try await makeRoom(for: id, bytes: bytes)
        } catch {
            return .failure(.passing(error))
        }
        let (guarded, watch) = (guarded, memory.watch())
        let result: LoadedVersions.Loaded = await loading.run(on: loader.thread, look: watch.look) {
            // What the load needed for a while goes back to the system.
            defer { Heaps.trimOwn() }
            return Result { () throws(Loader.Failure) in try guarded.load(version) }
        }
        if case .success = result { memory.learn(id.model, bytes: bytes, from: watch) }
        return result
    }

    /// Lets go of what nobody needs now until a load has the memory that it is expected to take:
    /// first what is kept for a rollback, then what was asked for by number and runs nothing, each
    /// time what was used the longest ago.
    /// - Throws: `resourceExhausted` when that is not enough.
    private func makeRoom(for id: VersionID, bytes: UInt64) async throws(ServingError) {
        let need = memory.need(of: id.model, bytes: bytes)
        while true {
            let room = memory.room()
            if need <= room { return }
            guard let leaving = nextToLeave() else {
                throw ServingError(
                    .resourceExhausted,
                    "loading \(id) needs about \(need) bytes of memory, and \(room) are free"
                )
            }
            for alias in aliases.keys where aliases[alias]?.previous == leaving.id {
                aliases[alias]?.previous = nil
            }
            loaded.unpin(leaving.id)
            var metadata: Logger.Metadata = ["reason": "memory is needed"]
            metadata["model.name"] = "\(leaving.id.model)"
            metadata["model.version"] = "\(leaving.id.version)"
            logger.info("a warm version leaves", metadata: metadata)
            sweep()
            await disposal.finish(loadsOn: loader.thread)
        }
    }

    private func nextToLeave() -> (id: VersionID, lastUse: UInt64)? {
        let needed = Set(aliases.values.flatMap(\.needed))
        let warm = Set(aliases.values.compactMap(\.previous)).subtracting(needed)
        return loaded.leastUsed(warm, besides: needed)
    }
}
