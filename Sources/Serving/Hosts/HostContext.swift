internal import Hosting
internal import Logging

/// The parts that the hosts of all versions share.
struct HostContext: Sendable {
    let pool: SparePool
    let limits: FirstLoadLimits
    /// Whether a host without every layer of the sandbox is refused.
    let requiresSandbox: Bool
    let meter: HostMeter
    let logger: Logger
}
