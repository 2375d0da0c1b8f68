internal import Synchronization

/// Whether there is memory for a load: what a load is expected to take at most, what loads truly
/// took, and what there is.
final class LoadMemory: Sendable {
    /// Bytes that a load is expected to take for each byte of its files, until a version of the
    /// model was loaded: the decrypted file, the runtime's reading of it, and its tensors.
    static let factor = 3.0
    /// What a load was seen to take counts within these bounds: requests that run beside it are in
    /// what was seen too.
    static let seenFactors = 1.0...8.0
    /// What every load takes besides.
    static let overheadBytes: UInt64 = 16 << 20
    /// What a load has to leave to the rest of the machine.
    static let reserveBytes: UInt64 = 64 << 20
    /// A load of fewer bytes teaches nothing: what else the process does weighs more.
    static let leastSeenBytes: UInt64 = 8 << 20

    private let system: SystemMemory
    /// Bytes that the server and its hosts may hold; nil: as much as the system has.
    private let budgetBytes: UInt64?
    /// By model: what its last load took for each byte of its files.
    private let seen = Mutex<[String: Double]>([:])

    init(system: SystemMemory, budgetBytes: UInt64?) {
        self.system = system
        self.budgetBytes = budgetBytes
    }

    /// What the load of a version with so many bytes of files is expected to take at most.
    func need(of model: String, bytes: UInt64) -> UInt64 {
        let factor = seen.withLock { $0[model] } ?? Self.factor
        return Self.overheadBytes + UInt64(Double(bytes) * factor)
    }

    /// What a load may take now.
    func room() -> UInt64 {
        let reading = system.now()
        let system = Self.difference(reading.availableBytes, Self.reserveBytes)
        guard let budgetBytes else { return system }
        return min(system, Self.difference(budgetBytes, reading.residentBytes))
    }

    private static func difference(_ all: UInt64, _ part: UInt64) -> UInt64 {
        all > part ? all - part : 0
    }

    /// The system's figures now.
    var reading: SystemMemory.Reading { system.now() }

    /// Begins to look at what a load takes.
    func watch() -> LoadWatch { LoadWatch(system) }

    /// Takes note of a load that succeeded.
    func learn(_ model: String, bytes: UInt64, from watch: LoadWatch) {
        guard bytes >= Self.leastSeenBytes else { return }
        let factor = Double(watch.growthBytes) / Double(bytes)
        let bounds = Self.seenFactors
        seen.withLock { $0[model] = min(max(factor, bounds.lowerBound), bounds.upperBound) }
    }
}

/// The growth of memory during a load: the most that was held at once, less what was held when this
/// was made.
final class LoadWatch: Sendable {
    private struct Bytes {
        /// The server and its hosts.
        var all: UInt64
        /// The server alone.
        var server: UInt64
    }

    private let system: SystemMemory
    private let start: Bytes
    private let most: Mutex<Bytes>

    init(_ system: SystemMemory) {
        self.system = system
        start = Bytes(all: system.residentBytes, server: system.ownBytes)
        most = Mutex(start)
    }

    /// Reads the present figures.
    func look() {
        let now = Bytes(all: system.residentBytes, server: system.ownBytes)
        most.withLock { most in
            most.all = max(most.all, now.all)
            most.server = max(most.server, now.server)
        }
    }

    /// The growth of the server and its hosts.
    var growthBytes: UInt64 { most.withLock { $0.all } - start.all }

    /// The growth of the server alone.
    var serverGrowthBytes: UInt64 { most.withLock { $0.server } - start.server }
}
