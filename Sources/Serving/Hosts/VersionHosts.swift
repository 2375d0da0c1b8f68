internal import Engine
internal import Registry

/// A place where versions are loaded in engine hosts.
protocol VersionHosts: Sendable {
    /// Loads a version in a host of its own, with every check. Blocking.
    ///
    /// - Parameters:
    ///   - version: Kept for as long as the hosted model lives: its files are read again when a
    ///     new host takes over.
    ///   - inspection: The server's own analysis of its graph.
    ///   - known: The findings of an earlier load, which the host then does not repeat; nil: none.
    ///   - purpose: Whether the host goes on to serve the version.
    /// - Throws: The failure of a check, as a load in the server would.
    func load(
        _ version: OpenedVersion,
        inspection: ModelInspection,
        known: VersionFindings?,
        for purpose: HostPurpose
    ) throws(Loader.Failure) -> HostedVersion

    /// Counts the bytes of memory that hosts share with the server beside their rings together with
    /// those of the requests that wait or run. To be called before the first load.
    func shareBudget(with load: QueueLoad)
}

/// The use of a host that loads a version.
enum HostPurpose: Sendable {
    /// The version is only examined; the host ends with the load.
    case trial
    /// The host goes on to serve the version.
    case serving
}

/// A version that has passed every check in an engine host.
struct HostedVersion: Sendable {
    /// The model in its host: nil after a trial. Releasing it ends the host.
    let model: (any InferenceModel)?
    let findings: VersionFindings
    /// Why every warm-up run failed; nil if one passed, or there was none.
    let warmUpFailure: String?
}

extension VersionHosts {
    func shareBudget(with load: QueueLoad) {}
}
