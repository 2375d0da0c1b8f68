internal import Engine
internal import Logging
internal import Registry

/// Loads versions so that none of them harms the server twice: each is tried elsewhere before it
/// is loaded here, and a durable mark stands while it is.
///
/// Blocking, as the loader is.
struct GuardedLoads: Sendable {
    let registry: Registry
    let loader: Loader
    /// nil: versions are tried by the load itself.
    let checker: (any FirstLoadChecker)?
    /// Ends of the process within loads of one version after which it is not loaded again.
    let maxCrashes: Int
    let logger: Logger

    /// A version that may be loaded.
    struct Candidate {
        let version: OpenedVersion
        /// Whether it is to be tried elsewhere first.
        let needsTrial: Bool
        /// Whether the process ended when it was loaded last.
        let isSuspect: Bool
    }

    /// Opens a version. It needs a trial if it had none yet, or if the process ended when it was
    /// loaded last. What an alias answers with was loaded by a server before, and is not held up.
    ///
    /// - Parameter isLive: whether an alias answers with the version: it is then loaded again even
    ///   if it is rejected, since the alias keeps it.
    /// - Parameter isValidation: whether a validation asks: a rejected version is opened too, and
    ///   each is tried, whatever was found out before.
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
        let isUnknown = isValidation || crashes > 0 || !isLive && !notes.isChecked(version)
        return Candidate(
            version: version,
            needsTrial: checker != nil && isUnknown,
            isSuspect: crashes > 0
        )
    }

    /// Tries a version where that does no harm. Blocking, for as long as a load may take.
    func tryElsewhere(_ candidate: Candidate) throws(Loader.Failure) {
        guard let checker else { return }
        let version = candidate.version
        let isNew = version.info.state == .stored && !registry.loadNotes.isChecked(version)
        logger.info(
            isNew ? "a version is loaded for the first time" : "a version is tried again",
            metadata: Self.metadata(version.id)
        )
        loader.note(try checker.check(version, of: registry), of: version.id)
        noteChecked(version)
    }

    /// Tries a version that is loaded here once more, beside the loaded one.
    func tryAgain(_ id: VersionID) throws(Loader.Failure) {
        let candidate = try open(id, isLive: true, isValidation: true)
        guard checker == nil else { return try tryElsewhere(candidate) }
        _ = try loader.examine(candidate.version)
    }

    private func noteChecked(_ version: OpenedVersion) {
        do {
            try registry.loadNotes.setChecked(version)
        } catch {
            warn("that a version has passed its first load could not be noted", version.id, error)
        }
    }

    /// Loads a version that may be loaded.
    /// - Parameter thread: the calling thread, in whose heap the model will lie.
    func load(
        _ version: OpenedVersion,
        on thread: LastingThread? = nil
    ) throws(Loader.Failure) -> Slot {
        do {
            try registry.loadNotes.begin(version)
        } catch {
            // Without room on the disk what was good before is still served.
            warn("that a version is being loaded could not be noted", version.id, error)
        }
        defer { registry.loadNotes.end(version) }
        let slot = try loader.load(version, on: thread)
        if checker != nil, !registry.loadNotes.isChecked(version) { noteChecked(version) }
        if slot.plan.isAtPublishersRisk {
            var metadata = Self.metadata(version.id)
            metadata["batching.why"] = "\(slot.plan.why)"
            logger.warning("requests are merged at the publisher's risk", metadata: metadata)
        }
        return slot
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
