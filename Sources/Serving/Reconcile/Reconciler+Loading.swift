internal import Registry

extension Reconciler {
    /// Tries a version where it does no harm, if it was never tried, and loads it.
    nonisolated func guardedLoad(_ id: VersionID, isLive: Bool) async -> LoadedVersions.Loaded {
        let guarded = guarded
        let admitted = await trying.run {
            Result { () throws(Loader.Failure) in try guarded.admit(id, isLive: isLive) }
        }
        switch admitted {
        case .failure(let failure): return .failure(failure)
        case .success(let version):
            return await loading.run {
                Result { () throws(Loader.Failure) in try guarded.load(version) }
            }
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

    /// The process is about to end, whatever is being loaded.
    package func prepareForEnd() async {
        let registry = registry
        await control.run { registry.loadNotes.close() }
    }
}
