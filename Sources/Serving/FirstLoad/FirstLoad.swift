/// The engine hosts that versions are examined and served in, and the limits of loads.
package struct FirstLoad: Sendable {
    /// nil: there are no hosts.
    let hosts: (any VersionHosts)?
    /// The limits of every load, in a host and in the server.
    let limits: FirstLoadLimits
    var patience = LoadPatience()
    /// Counts the hosts.
    var meter = HostMeter()

    /// In the server, without hosts.
    package static let here = FirstLoad(hosts: nil, limits: FirstLoadLimits())

    /// In engine hosts, which a model may crash, block or fill: processes of this program, with
    /// ``HostSetup/command`` as the one argument.
    package static func inHosts(_ hosts: EngineHosts) -> FirstLoad {
        FirstLoad(hosts: hosts, limits: hosts.limits, meter: hosts.meter)
    }
}

/// What a first load may take, and what loads may do to the server.
package struct FirstLoadLimits: Sendable, Equatable {
    /// Seconds from its start to its end, besides those for the version's size.
    package var seconds = 300
    /// Seconds of all its threads' time, besides those for the version's size.
    package var cpuSeconds = 600
    /// Bytes of memory; 0: ``shareOfMemory`` of what is available when it starts.
    package var memoryBytes: UInt64 = 0
    /// Ends of the server within loads of one version, one after the other, after which it is not
    /// loaded again.
    package var maxCrashes = 2

    /// The defaults.
    package init() {}

    /// Of a large version a slow disk delivers so many bytes a second: that much longer it may
    /// take.
    static let bytesPerSecond: UInt64 = 16 << 20
    /// Hundredths of the available memory that a load may take if nobody says.
    static let shareOfMemory: UInt64 = 90
    /// What a load gets where the system does not say what it has.
    static let unknownMemoryBytes: UInt64 = 4 << 30
    /// What the process itself needs of it, with room for a small model.
    package static let minMemoryBytes = 128 << 20

    /// The seconds that a version of a size may take besides.
    static func extraSeconds(bytes: UInt64) -> Int { Int(min(bytes / bytesPerSecond, 1 << 20)) }

    /// What a load may take now.
    func memory(_ system: SystemMemory.Reading) -> MemoryBound {
        guard memoryBytes == 0 else { return MemoryBound(bytes: memoryBytes, isFinal: true) }
        guard system.availableBytes < .max else {
            return MemoryBound(bytes: Self.unknownMemoryBytes, isFinal: true)
        }
        let share = system.availableBytes / 100 * Self.shareOfMemory
        return MemoryBound(bytes: share, isFinal: share >= system.totalBytes / 2)
    }

    /// The memory that a load may take.
    struct MemoryBound: Equatable {
        let bytes: UInt64
        /// Whether a model that wants more is wrong, and not only too large for this moment.
        let isFinal: Bool
    }
}
