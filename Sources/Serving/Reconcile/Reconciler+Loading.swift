internal import Engine
internal import Logging
internal import Registry

/// The way of every load: start-up, moves, calls by number and validations.
///
/// A version that needs a trial is first examined in an engine host. One that runs in a host is
/// loaded once, in the host that serves it. One that runs in the server is loaded there under the
/// same limits; if it goes over them, it is put into a host.
extension Reconciler {
    /// The result of the first part of a load.
    private enum FirstPart {
        /// The version is loaded.
        case loaded(Slot)
        /// The version is to be loaded in the server.
        case passed(GuardedLoads.Placed)
    }

    /// Loads a version.
    ///
    /// - Parameter isValidation: As for ``GuardedLoads/open(_:isLive:isValidation:)``.
    func guardedLoad(
        _ id: VersionID,
        isLive: Bool,
        isValidation: Bool
    ) async -> LoadedVersions.Loaded {
        let begin = ContinuousClock.now
        var waited = Duration.zero
        let result: LoadedVersions.Loaded
        do throws(Loader.Failure) {
            let guarded = guarded
            let candidate = try await opening.run { () throws(Loader.Failure) in
                try guarded.open(id, isLive: isLive, isValidation: isValidation)
            }
            result = .success(try await slot(of: candidate, isLive: isLive, &waited))
        } catch {
            result = .failure(error)
        }
        let took = ContinuousClock.now - begin - waited
        loader.meters.ended(result, tookNs: took.nanoseconds)
        return result
    }

    private func slot(
        of candidate: GuardedLoads.Candidate,
        isLive: Bool,
        _ waited: inout Duration
    ) async throws(Loader.Failure) -> Slot {
        var placed: GuardedLoads.Placed?
        if candidate.needsTrial {
            switch try await tryInHost(candidate, isLive: isLive, &waited) {
            case .loaded(let slot): return slot
            case .passed(let passed): placed = passed
            }
        }
        let load = try await loadInServer(candidate, placed, isLive: isLive, &waited)
        switch load {
        case .loaded(let slot): return slot
        case .needsHost(let placed):
            return try await loadInHost(placed, isLive: isLive, &waited)
        }
    }

    // MARK: - In hosts

    /// Examines a version in a host. One that runs in a host is loaded with that.
    private func tryInHost(
        _ candidate: GuardedLoads.Candidate,
        isLive: Bool,
        _ waited: inout Duration
    ) async throws(Loader.Failure) -> FirstPart {
        let turn = await takeTurn(.host, candidate.version, isLive: isLive, &waited)
        defer { endTurn(turn) }
        let placed = try await place(candidate.version, in: turn)
        let guarded = guarded
        guard !placed.isolation.isHosted else {
            return .loaded(
                try await run(in: turn, of: placed.version) { () throws(Loader.Failure) in
                    try guarded.loadInHost(placed, isTrial: true)
                }
            )
        }
        let passed = try await run(in: turn, of: placed.version) { () throws(Loader.Failure) in
            try guarded.examineInHost(placed)
        }
        return .passed(passed)
    }

    /// Loads a version in the host that serves it.
    private func loadInHost(
        _ placed: GuardedLoads.Placed,
        isLive: Bool,
        _ waited: inout Duration
    ) async throws(Loader.Failure) -> Slot {
        let turn = await takeTurn(.host, placed.version, isLive: isLive, &waited)
        defer { endTurn(turn) }
        try await makeRoom(for: placed.version, in: turn)
        let guarded = guarded
        return try await run(in: turn, of: placed.version) { () throws(Loader.Failure) in
            try guarded.loadInHost(placed, isTrial: false)
        }
    }

    /// Tries a loaded version once more, beside the loaded one.
    func examineAgain(
        _ id: VersionID,
        for principal: String
    ) async -> Result<Void, Loader.Failure> {
        var waited = Duration.zero
        do throws(Loader.Failure) {
            let guarded = guarded
            let candidate = try await opening.run { () throws(Loader.Failure) in
                try guarded.open(id, isLive: true, isValidation: true)
            }
            guard candidate.needsTrial else {
                return .success(try await examineInServer(candidate, for: principal, &waited))
            }
            let turn = await takeTurn(
                .host,
                candidate.version,
                isLive: false,
                for: [principal],
                &waited
            )
            defer { endTurn(turn) }
            let placed = try await place(candidate.version, in: turn)
            _ = try await run(in: turn, of: placed.version) { () throws(Loader.Failure) in
                try guarded.examineInHost(placed)
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// Analyses a version's graph on the lane's queue, behind the threads that serve, once there is
    /// memory for the load.
    func place(
        _ version: OpenedVersion,
        in turn: LoadTurn
    ) async throws(Loader.Failure) -> GuardedLoads.Placed {
        try await makeRoom(for: version, in: turn)
        let guarded = guarded
        return try await turn.lane.queue.run { () throws(Loader.Failure) in
            try guarded.place(version)
        }
    }

    // MARK: - Turns

    /// Waits until a load may begin.
    ///
    /// - Parameters:
    ///   - principals: The principals whose turns it may use; nil: the owners of the version's load.
    ///   - waited: Gets the time of the wait added.
    func takeTurn(
        _ place: LoadPlace,
        _ version: OpenedVersion,
        isLive: Bool,
        isSuspect: Bool = false,
        for principals: [String]? = nil,
        _ waited: inout Duration
    ) async -> LoadTurn {
        let begin = ContinuousClock.now
        let turn = await withCheckedContinuation { continuation in
            schedule[place].wait(
                LoadWaiter(
                    version: version.id,
                    principals: principals ?? loadOwners.principals(of: version.id),
                    isLive: isLive,
                    isSuspect: isSuspect,
                    token: continuation
                )
            )
            beginTurns()
        }
        waited += ContinuousClock.now - begin
        let pause = patience.overtaking
        overtaking[turn.id] = Task {
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            self.letOvertake(turn)
        }
        return turn
    }

    /// Notes that another principal waits for a load that is under way, so that its turns count.
    func join(_ id: VersionID, for principal: String) {
        guard loadOwners.join(id, principal) else { return }
        schedule[.server].join(id, principal)
        schedule[.host].join(id, principal)
        beginTurns()
    }

    private func letOvertake(_ turn: LoadTurn) {
        schedule[turn.place].letOvertake(turn)
        beginTurns()
    }

    func endTurn(_ turn: LoadTurn) {
        overtaking.removeValue(forKey: turn.id)?.cancel()
        schedule[turn.place].end(turn)
        turnEnded()
    }

    /// Ends a turn whose load goes on without a caller.
    func abandonTurn(_ turn: LoadTurn) {
        overtaking.removeValue(forKey: turn.id)?.cancel()
        schedule[turn.place].abandon(turn)
        turnEnded()
    }

    private func turnEnded() {
        beginTurns()
        let waiting = roomWaiters
        roomWaiters = []
        for continuation in waiting { continuation.resume() }
    }

    private func beginTurns() {
        while let (continuation, turn) = schedule.next() { continuation.resume(returning: turn) }
    }

    // MARK: - Moves and the end

    /// Forgets the crashes of a version in earlier loads: a caller asked for it by a move.
    package func askedAgain(for id: VersionID) async {
        let registry = registry
        await control.run {
            registry.loadNotes.forgetCrashes(model: id.model, version: id.version)
        }
    }

    /// The process is about to end, whatever is being loaded. Callers that wait for a load learn
    /// how things stand.
    package func prepareForEnd() async {
        endWaiting()
        let registry = registry
        await control.run { registry.loadNotes.close() }
    }
}
