internal import Registry

extension Reconciler {
    /// Tries a version where it does no harm, if it was never tried, and loads it.
    ///
    /// - Parameter isValidation: As for ``GuardedLoads/open(_:isLive:isValidation:)``.
    func guardedLoad(
        _ id: VersionID,
        isLive: Bool,
        isValidation: Bool
    ) async -> LoadedVersions.Loaded {
        let begin = ContinuousClock.now
        let candidate: GuardedLoads.Candidate
        do throws(Loader.Failure) {
            candidate = try await admit(id, isLive: isLive, isValidation: isValidation)
        } catch {
            loader.meters.ended(.failure(error), tookNs: (ContinuousClock.now - begin).nanoseconds)
            return .failure(error)
        }
        let tried = ContinuousClock.now - begin
        let turn = await takeTurn(isLive: isLive, isSuspect: candidate.isSuspect)
        let turnBegin = ContinuousClock.now
        let result = await load(candidate.version, in: turn)
        let took = tried + (ContinuousClock.now - turnBegin)
        loader.meters.ended(result, tookNs: took.nanoseconds)
        endTurn(turn)
        return result
    }

    private func admit(
        _ id: VersionID,
        isLive: Bool,
        isValidation: Bool
    ) async throws(Loader.Failure) -> GuardedLoads.Candidate {
        let guarded = guarded
        let candidate = try await opening.run { () throws(Loader.Failure) in
            try guarded.open(id, isLive: isLive, isValidation: isValidation)
        }
        guard candidate.needsTrial else { return candidate }
        try await trying.run { () throws(Loader.Failure) in try guarded.tryElsewhere(candidate) }
        return candidate
    }

    // MARK: - Turns

    private func takeTurn(isLive: Bool, isSuspect: Bool) async -> LoadTurn {
        await withCheckedContinuation { continuation in
            turns.wait(.init(isLive: isLive, isSuspect: isSuspect, token: continuation))
            beginTurns()
        }
    }

    private func endTurn(_ turn: LoadTurn) {
        turns.end(turn)
        beginTurns()
        let waiting = roomWaiters
        roomWaiters = []
        for continuation in waiting { continuation.resume() }
    }

    private func beginTurns() {
        while let (continuation, turn) = turns.next() { continuation.resume(returning: turn) }
    }

    // MARK: - Moves and the end

    /// A version was asked for by a move: that the process ended when it was loaded before does
    /// not count any more.
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
