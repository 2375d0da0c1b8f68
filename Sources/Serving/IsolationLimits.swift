internal import Engine
package import Registry

/// The settings of engine hosts: the keys `isolation.*` of the configuration.
package struct IsolationLimits: Sendable, Equatable {
    /// The weakest isolation that a model gets; a card can only ask for a stronger one.
    package var minimum = Card.Isolation.auto
    /// The most bytes of an intermediate for each byte of a request, in a model that may run in
    /// the server's process.
    package var growth = EngineLimits.defaultGrowth
    /// Bytes of the memory that the server shares with each host for tensors.
    package var ringBytes = 64 << 20
    /// Processes that wait, with the runtime's library loaded, for a model to host.
    package var spareHosts = 1
    /// Whether a server on a machine that cannot sandbox a host refuses to start.
    package var requiresSandbox = true

    /// The defaults.
    package init() {}
}
