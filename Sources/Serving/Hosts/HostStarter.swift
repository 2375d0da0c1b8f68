internal import Hosting

/// A source of hosts for one version.
protocol HostStarter: Sendable {
    associatedtype Host: SupervisedHost

    /// Starts a host and loads the version in it, with every check. Blocking.
    ///
    /// - Parameters:
    ///   - first: The description of the version by its first host, with which this one has to
    ///     agree; nil: this is the first.
    ///   - known: Findings that the host does not repeat; nil: none.
    ///   - isWanted: Gets each host before the version is loaded in it; false: the load ends.
    /// - Throws: The failure of a check. The host has been ended then.
    func start(
        agreeingWith first: HostedFindings?,
        known: VersionFindings?,
        isWanted: (Host) -> Bool
    ) throws(Loader.Failure) -> (Host, HostedFindings)
}

/// A host as its supervisor knows it.
protocol SupervisedHost: AnyObject, Sendable {
    /// Whether it has ended, or is about to: it takes no runs.
    var isOver: Bool { get }

    /// Ends it. The first reason counts.
    func kill(_ cause: HostEnd)

    /// Calls `body` when it has ended, or at once if it has.
    func whenEnded(_ body: @escaping @Sendable (HostEnd) -> Void)

    /// Waits for its end; nil: it did not end in time.
    func waitForEnd(milliseconds: UInt64) -> HostEnd?
}

extension HostProcess: SupervisedHost {
    var isOver: Bool { channel.isOver }
}
