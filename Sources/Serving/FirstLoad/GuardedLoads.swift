internal import Engine
internal import Logging
internal import Registry

/// Loads versions so that none of them harms the server twice: decides on the process in which each
/// runs, has new ones examined in an engine host, and keeps a durable mark while the server itself
/// loads one.
///
/// Blocking, as the loader is.
struct GuardedLoads: Sendable {
    let registry: Registry
    let loader: Loader
    /// nil: every version is loaded in the server, without a trial.
    let hosts: (any VersionHosts)?
    let isolation: IsolationLimits
    /// Consecutive ends of the server within loads of one version, after which the version is not
    /// loaded again.
    let maxCrashes: Int
    let logger: Logger

    /// A version that may be loaded.
    struct Candidate {
        let version: OpenedVersion
        /// Whether it is to be examined in a host before the server loads it.
        let needsTrial: Bool
        /// Whether the server ended when it loaded the version last.
        let isSuspect: Bool
    }

    /// A version with the server's analysis of it.
    struct Placed: Sendable {
        let version: OpenedVersion
        let inspection: ModelInspection
        var isolation: SlotIsolation
    }

    /// Opens a version. It needs a trial if it had none yet, or if the server ended when it loaded
    /// the version last. A version that an alias answers with was loaded by a server before, and is
    /// not held up.
    ///
    /// - Parameters:
    ///   - isLive: Whether an alias answers with the version: it is then loaded again even if it is
    ///     rejected, since the alias keeps it.
    ///   - isValidation: Whether a validation asks: a rejected version is opened too, and each is
    ///     examined, whatever earlier loads have found.
    func open(
        _ id: VersionID,
        isLive: Bool,
        isValidation: Bool = false
    ) throws(Loader.Failure) -> Candidate {
        let version = try opened(id, takesRejected: isLive || isValidation)
        let notes = registry.loadNotes
        let crashes = notes.crashes(of: version)
        guard crashes < maxCrashes else {
            throw .rejected(
                reason: "the server ended \(crashes) times in a row while it loaded this version",
                detail: ""
            )
        }
        // The server must not make the runs that ended a process, and does not know them any more.
        let isForgotten = notes.hasCrashed(version) && loader.findings(of: id) == nil
        let isUnknown =
            isValidation || crashes > 0 || isForgotten || !isLive && !notes.isChecked(version)
        return Candidate(
            version: version,
            needsTrial: hosts != nil && isUnknown,
            isSuspect: crashes > 0
        )
    }

    // MARK: - The place

    /// Analyses a version's graph and decides where it runs.
    func place(_ version: OpenedVersion) throws(Loader.Failure) -> Placed {
        let inspection = try loader.inspect(version)
        return Placed(
            version: version,
            inspection: inspection,
            isolation: isolation(of: version, inspection.isolation)
        )
    }

    private func isolation(
        of version: OpenedVersion,
        _ verdict: IsolationVerdict
    ) -> SlotIsolation {
        guard hosts != nil else { return .server }
        let notes = registry.loadNotes
        let chosen = SlotIsolation(
            card: version.card.isolation,
            minimum: isolation.minimum,
            verdict: verdict
        )
        if chosen.isHosted { return chosen }
        if notes.hasOverrun(version) {
            return SlotIsolation(
                isHosted: true,
                why: "an earlier load in the server went over a limit"
            )
        }
        // Without any isolation the server leaves out the runs that ended the process.
        guard max(version.card.isolation, isolation.minimum) > .none,
            notes.hasCrashed(version)
        else { return chosen }
        return SlotIsolation(
            isHosted: true,
            why: "its first load crashed a process on synthetic inputs"
        )
    }

    // MARK: - Loads in hosts

    /// Has a version examined in a host of its own, which then ends. Blocking, for as long as a load
    /// may take.
    ///
    /// - Returns: The version, in the place that the result leaves it.
    @discardableResult
    func examineInHost(_ placed: Placed) throws(Loader.Failure) -> Placed {
        guard let hosts else { return placed }
        logTrial(of: placed.version)
        let hosted = try hosts.load(
            placed.version,
            inspection: placed.inspection,
            known: nil,
            for: .trial
        )
        loader.note(hosted.findings, of: placed.version.id)
        notePassed(placed.version, hosted.findings.omitted)
        var passed = placed
        passed.isolation = isolation(of: placed.version, placed.inspection.isolation)
        return passed
    }

    /// Loads a version in the host that serves it. Blocking, for as long as a load may take.
    ///
    /// - Parameter isTrial: Whether the findings of earlier loads do not count.
    func loadInHost(_ placed: Placed, isTrial: Bool) throws(Loader.Failure) -> Slot {
        let version = placed.version
        if isTrial { logTrial(of: version) }
        let hosted = try hosts?.load(
            version,
            inspection: placed.inspection,
            known: isTrial ? nil : loader.findings(of: version.id),
            for: .serving
        )
        guard let hosted, let model = hosted.model else {
            throw .passing(ServingError(.unavailable, "no engine host serves the version"))
        }
        let slot = try loader.slot(
            of: version,
            hosted,
            model: model,
            inspection: placed.inspection,
            isolation: placed.isolation
        )
        notePassed(version, hosted.findings.omitted)
        warnOfRisk(slot)
        return slot
    }

    private func logTrial(of version: OpenedVersion) {
        let isNew = version.info.state == .stored && !registry.loadNotes.isChecked(version)
        logger.info(
            isNew ? "a version is loaded for the first time" : "a version is tried again",
            metadata: Self.metadata(version.id)
        )
    }

    /// Notes that a version has passed in a host. One that crashed a process is noted as such first:
    /// without that note it is tried again.
    private func notePassed(_ version: OpenedVersion, _ omitted: OmittedRuns) {
        if !omitted.isEmpty, !registry.loadNotes.hasCrashed(version) {
            do {
                try registry.loadNotes.setCrashed(version)
            } catch {
                return warn("that a load ended its process could not be noted", version.id, error)
            }
        }
        noteChecked(version)
    }

    private func noteChecked(_ version: OpenedVersion) {
        guard hosts != nil, !registry.loadNotes.isChecked(version) else { return }
        do {
            try registry.loadNotes.setChecked(version)
        } catch {
            warn("that a version has passed its first load could not be noted", version.id, error)
        }
    }

    // MARK: - Loads in the server

    /// Loads a version in the server.
    ///
    /// - Parameters:
    ///   - thread: The calling thread, in whose heap the model will lie.
    ///   - supervisor: Ends the runs of the load.
    func load(
        _ placed: Placed,
        on thread: LastingThread? = nil,
        _ supervisor: LoadSupervisor? = nil
    ) throws(Loader.Failure) -> Slot {
        let version = placed.version
        do {
            try registry.loadNotes.begin(version)
        } catch {
            // Without room on the disk what was good before is still served.
            warn("that a version is being loaded could not be noted", version.id, error)
        }
        defer { registry.loadNotes.end(version) }
        let loader = supervised(supervisor)
        let slot = try loader.load(version, isolation: placed.isolation, on: thread)
        noteChecked(version)
        warnOfRisk(slot)
        return slot
    }

    /// Loads a version in the server with every check, and drops it.
    func examine(_ placed: Placed, _ supervisor: LoadSupervisor) throws(Loader.Failure) {
        _ = try supervised(supervisor).examine(LoadableVersion(placed.version))
    }

    private func supervised(_ supervisor: LoadSupervisor?) -> Loader {
        var loader = loader
        if let supervisor {
            loader.reached = supervisor.reached
            loader.stop = supervisor.stop
        }
        return loader
    }

    /// Notes that a load in the server went over a limit: from now on the version is loaded in
    /// hosts, after a restart too, and the load that may go on does not count as a crash.
    func noteOverrun(_ version: OpenedVersion) {
        do {
            try registry.loadNotes.setOverrun(version)
        } catch {
            warn("that a load went over a limit could not be noted", version.id, error)
        }
    }

    private func warnOfRisk(_ slot: Slot) {
        guard slot.plan.isAtPublishersRisk else { return }
        var metadata = Self.metadata(slot.id)
        metadata["batching.why"] = "\(slot.plan.why)"
        logger.warning("requests are merged at the publisher's risk", metadata: metadata)
    }

    private func opened(
        _ id: VersionID,
        takesRejected: Bool
    ) throws(Loader.Failure) -> OpenedVersion {
        do {
            let opened = try registry.open(model: id.model, version: id.version)
            guard takesRejected || opened.info.state != .rejected else {
                throw Loader.Failure.refused(.rejected(id, reason: opened.info.reason))
            }
            return opened
        } catch let failure as Loader.Failure {
            throw failure
        } catch {
            throw Loader.Failure(reading: error, id: id)
        }
    }

    private static func metadata(_ id: VersionID) -> Logger.Metadata {
        ["model.name": "\(id.model)", "model.version": "\(id.version)"]
    }

    private func warn(_ message: Logger.Message, _ id: VersionID, _ error: any Error) {
        var metadata = Self.metadata(id)
        metadata["error"] = "\(error)"
        logger.warning(message, metadata: metadata)
    }
}

extension OpenedVersion {
    /// Which version it is.
    var id: VersionID { VersionID(model: info.model, version: info.version) }
}
