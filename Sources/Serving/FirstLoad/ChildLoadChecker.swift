internal import Logging
internal import Registry
internal import Sealing

/// Loads a version in a child process: this program again, which gets the version's own key and
/// nothing else that is secret.
struct ChildLoadChecker: FirstLoadChecker {
    let limits: FirstLoadLimits
    /// Gets what libraries in the child write to its standard streams.
    let logger: Logger
    /// This program, also when its file was replaced since.
    var program = "/proc/self/exe"

    /// Variables that the child gets: how libraries are found and behave. Others may hold keys.
    private static let variables = [
        "STRONGROOM_ONNXRUNTIME", "LANG", "LOCPATH", "TZ", "GLIBC_TUNABLES",
    ]
    private static let variablePrefixes = ["LD_", "MALLOC_", "LC_", "ORT_", "OMP_"]

    func check(
        _ version: OpenedVersion,
        of registry: Registry
    ) throws(Loader.Failure) -> VersionFindings {
        let extra = FirstLoadLimits.extraSeconds(bytes: version.info.bytes)
        let memory = limits.memory(SystemMemory.system.now())
        let seconds = limits.seconds + extra
        let cpuSeconds = limits.cpuSeconds + extra
        let child = try start()
        let handover = registry.handover(of: version)
        let order = FirstLoadOrder(
            parent: OwnProcess.id,
            memoryBytes: memory.bytes,
            cpuSeconds: UInt64(cpuSeconds),
            record: handover.record,
            card: handover.card,
            blobs: handover.blobs
        )
        child.send(ProcessMessages.encoded(order.encoded()), seconds: seconds)
        handover.dataKey.withBytes { child.send($0, seconds: seconds) }
        var told = Told()
        let outcome = child.follow(seconds: seconds) { told.take($0) }
        logOutput(outcome, of: version)
        let verdict = FirstLoadVerdict(
            step: told.step,
            end: told.end,
            outcome: outcome,
            seconds: seconds,
            cpuSeconds: cpuSeconds,
            memory: memory
        )
        return try verdict.check()
    }

    private func logOutput(_ outcome: ChildProcess.Outcome, of version: OpenedVersion) {
        guard outcome.errorBytes > 0 else { return }
        logger.warning(
            "library output in a first load",
            metadata: [
                "model.name": "\(version.info.model)", "model.version": "\(version.info.version)",
                "text": "\(outcome.errors)", "bytes": "\(outcome.errorBytes)",
            ]
        )
    }

    private func start() throws(Loader.Failure) -> ChildProcess {
        do {
            return try ChildProcess(
                program,
                ["strongroom", FirstLoadTask.command],
                environment: OwnProcess.environment { name in
                    Self.variables.contains(name)
                        || Self.variablePrefixes.contains { name.hasPrefix($0) }
                },
                output: .errors,
                what: "the process of a first load"
            )
        } catch {
            throw .passing(FirstLoadVerdict.notTried(detail: error.message))
        }
    }

    /// What the child has said so far.
    private struct Told {
        private var messages = ProcessMessages()
        private(set) var step: LoadStep?
        private(set) var end: FirstLoadReport?

        /// False when enough is known.
        mutating func take(_ bytes: [UInt8]) -> Bool {
            guard (try? messages.append(bytes)) != nil else { return false }
            while let message = messages.next() {
                guard let report = FirstLoadReport(message) else { return false }
                guard case .step(let step) = report else {
                    end = report
                    return false
                }
                self.step = step
            }
            return true
        }
    }
}
