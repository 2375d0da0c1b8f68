internal import Registry

extension Reconciler {
    /// Tries a version where it does no harm, if it was never tried, and loads it.
    ///
    /// - Parameter isValidation: As for ``GuardedLoads/admit(_:isLive:isValidation:)``.
    func guardedLoad(
        _ id: VersionID,
        isLive: Bool,
        isValidation: Bool
    ) async -> LoadedVersions.Loaded {
        let (guarded, begin) = (guarded, ContinuousClock.now)
        let admitted = await trying.run {
            Result { () throws(Loader.Failure) in
                try guarded.admit(id, isLive: isLive, isValidation: isValidation)
            }
        }
        let tried = ContinuousClock.now - begin
        switch admitted {
        case .failure(let failure):
            loader.meters.ended(.failure(failure), tookNs: tried.nanoseconds)
            return .failure(failure)
        case .success(let version):
            let before = lastLoad
            let turn = Task {
                await before?.value
                let begin = ContinuousClock.now
                let result = await self.loadInTurn(version)
                let took = tried + (ContinuousClock.now - begin)
                loader.meters.ended(result, tookNs: took.nanoseconds)
                return result
            }
            // Not the load itself: its result would stay with it.
            lastLoad = Task { _ = await turn.value }
            return await turn.value
        }
    }

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
