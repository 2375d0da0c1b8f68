internal import Engine
internal import Logging
internal import Registry

extension Reconciler {
    /// Loads a version whose turn has come, if there is memory for it.
    func load(_ version: OpenedVersion, in turn: LoadTurn) async -> LoadedVersions.Loaded {
        let (id, bytes) = (version.id, version.info.bytes)
        do throws(ServingError) {
            try await makeRoom(for: id, bytes: bytes, in: turn)
        } catch {
            return .failure(.passing(error))
        }
        let (guarded, lane, watch) = (guarded, turn.lane, memory.watch())
        let result: LoadedVersions.Loaded = await lane.queue.run(
            on: lane.thread,
            look: watch.look
        ) {
            // What the load needed for a while goes back to the system.
            defer { Heaps.trimOwn() }
            return Result { () throws(Loader.Failure) in
                try guarded.load(version, on: lane.thread)
            }
        }
        // Memory that was taken beside other loads may be theirs.
        if case .success = result, turns.isAlone(turn) {
            memory.learn(id.model, bytes: bytes, from: watch)
        }
        return result
    }

    /// Waits for other loads that take memory, then lets go of versions that nothing needs now,
    /// until a load has the memory that it is expected to take, and reserves that: first what is
    /// kept for a rollback leaves, then what was asked for by number and runs nothing, each time
    /// what was used the longest ago.
    /// - Throws: `resourceExhausted` when that is not enough.
    private func makeRoom(
        for id: VersionID,
        bytes: UInt64,
        in turn: LoadTurn
    ) async throws(ServingError) {
        while true {
            let need = memory.need(of: id.model, bytes: bytes)
            let (room, reserved) = (memory.room(), turns.reservedBytes(besides: turn))
            if need <= (room > reserved ? room - reserved : 0) {
                return turns.reserve(need, for: turn)
            }
            guard reserved == 0 else {
                await withCheckedContinuation { roomWaiters.append($0) }
                continue
            }
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
            await disposal.finish(loadsOn: turns.idleThreads(besides: turn))
        }
    }

    private func nextToLeave() -> (id: VersionID, lastUse: UInt64)? {
        let needed = Set(aliases.values.flatMap(\.needed))
        let warm = Set(aliases.values.compactMap(\.previous)).subtracting(needed)
        return loaded.leastUsed(warm, besides: needed)
    }
}
