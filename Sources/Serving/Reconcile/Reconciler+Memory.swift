internal import Engine
internal import Logging
internal import Registry

/// The memory of loads.
extension Reconciler {
    /// Runs a load in a host. The lane's thread waits for the host.
    func run<Output: Sendable>(
        in turn: LoadTurn,
        of version: OpenedVersion,
        _ body: @escaping @Sendable () throws(Loader.Failure) -> Output
    ) async throws(Loader.Failure) -> Output {
        let (watch, moment) = (memory.watch(), schedule.moment(of: turn))
        let result: Result<Output, Loader.Failure>? = await turn.lane.queue.run(
            on: try turn.lane.startedThread(),
            while: {
                watch.look()
                return true
            }
        ) {
            Result { () throws(Loader.Failure) in try body() }
        }
        guard let result else { preconditionFailure("a load in a host was abandoned") }
        if case .success = result { learn(version, from: watch, in: turn, since: moment) }
        return try result.get()
    }

    /// Takes note of the memory that a load took, if it is known to be its own.
    func learn(
        _ version: OpenedVersion,
        from watch: LoadWatch,
        in turn: LoadTurn,
        since moment: LoadSchedule<CheckedContinuation<LoadTurn, Never>>.Moment?
    ) {
        watch.look()
        guard schedule.isUndisturbed(turn, since: moment) else { return }
        memory.learn(version.info.model, bytes: version.info.bytes, from: watch)
    }

    /// Waits for other loads that take memory, then lets go of versions that nothing needs now,
    /// until a load has the memory that it is expected to take, and reserves that: first versions
    /// kept for a rollback leave, then those asked for by number that run nothing, each time the
    /// least recently used.
    ///
    /// - Throws: `passing` with `resourceExhausted` when that is not enough.
    func makeRoom(for version: OpenedVersion, in turn: LoadTurn) async throws(Loader.Failure) {
        let id = version.id
        while true {
            let need = memory.need(of: id.model, bytes: version.info.bytes)
            let (room, reserved) = (memory.room(), schedule.reservedBytes(besides: turn))
            if need <= (room > reserved ? room - reserved : 0) {
                return schedule[turn.place].reserve(need, for: turn)
            }
            guard reserved == 0 else {
                await withCheckedContinuation { roomWaiters.append($0) }
                continue
            }
            guard let leaving = nextToLeave() else {
                throw .passing(
                    ServingError(
                        .resourceExhausted,
                        "loading \(id) needs about \(need) bytes of memory, and \(room) are free"
                    )
                )
            }
            await letGo(of: leaving.id, for: turn)
        }
    }

    private func letGo(of id: VersionID, for turn: LoadTurn) async {
        for alias in aliases.keys where aliases[alias]?.previous == id {
            aliases[alias]?.previous = nil
        }
        loaded.unpin(id)
        var metadata = Self.metadata(id)
        metadata["reason"] = "memory is needed"
        logger.info("a warm version leaves", metadata: metadata)
        sweep()
        await disposal.finish(loadsOn: schedule.idleThreads(besides: turn))
    }

    private func nextToLeave() -> (id: VersionID, lastUse: UInt64)? {
        let needed = Set(aliases.values.flatMap(\.needed))
        let warm = Set(aliases.values.compactMap(\.previous)).subtracting(needed)
        return loaded.leastUsed(warm, besides: needed)
    }
}
