package import Logging
package import Platform
internal import Sealing
internal import Synchronization

/// The rules by which a process uses the files of a home, and the faults that they tolerate.
package struct HomeTrust: Sendable {
    /// Refuses every fault.
    package static let strict = HomeTrust(toleratesFaults: false)

    package let rules: FileTrust
    private let tolerated: ToleratedFaults?

    /// - Parameter toleratesFaults: Files whose owner or mode is refused are used all the same, and
    ///   each is logged as a warning (`serve --insecure-modes`).
    package init(toleratesFaults: Bool) {
        guard toleratesFaults else {
            rules = .strict
            tolerated = nil
            return
        }
        let tolerated = ToleratedFaults()
        self.tolerated = tolerated
        rules = FileTrust.strict.tolerating { tolerated.add($0) }
    }

    /// The calls that read keys and the registry under these rules.
    var calls: SystemCalls { SystemCalls(trust: rules) }

    /// Logs the faults that were tolerated until now, and from now on each new one.
    package func log(to logger: Logger) {
        tolerated?.log(to: logger)
    }
}

/// Faults of files that are used all the same, each logged once.
private final class ToleratedFaults: Sendable {
    /// Faults that are remembered; past it all are forgotten, and are logged once more.
    private static let maxFaults = 4_096

    private struct State {
        var faults: Set<FileFault> = []
        var logger: Logger?
    }

    private let state = Mutex(State())

    func add(_ fault: FileFault) {
        let logger: Logger? = state.withLock { state in
            if state.faults.count >= Self.maxFaults { state.faults = [] }
            return state.faults.insert(fault).inserted ? state.logger : nil
        }
        if let logger { Self.log(fault, to: logger) }
    }

    func log(to logger: Logger) {
        let faults = state.withLock { state in
            state.logger = logger
            return state.faults
        }
        for fault in faults.sorted(by: { $0.path < $1.path }) { Self.log(fault, to: logger) }
    }

    private static func log(_ fault: FileFault, to logger: Logger) {
        logger.warning(
            "a file is used although its owner or mode is insecure (--insecure-modes)",
            metadata: ["fault": "\(fault)"]
        )
    }
}
