internal import Engine
internal import Hosting
internal import Logging
internal import Registry

/// The starts of the engine hosts of one version: from the pool, measured and counted.
struct ProcessStarter: HostStarter {
    /// Hosts that others may end in one start.
    private static let maxLostHosts = 3
    /// Milliseconds to wait for the end of a process whose load has failed.
    private static let endMs: UInt64 = 2_000

    private let version: OpenedVersion
    private let context: HostContext
    private let output: HostOutput

    /// - Parameter version: Kept, since its files are read again at each start.
    init(_ version: OpenedVersion, _ context: HostContext) {
        self.version = version
        self.context = context
        output = HostOutput(of: version.id, context.logger)
    }

    func start(
        agreeingWith first: HostedFindings?,
        known: VersionFindings?,
        isWanted: (HostProcess) -> Bool
    ) throws(Loader.Failure) -> (HostProcess, HostedFindings) {
        var load = HostLoad(
            version: version,
            known: known,
            omitted: known?.omitted ?? OmittedRuns(),
            limits: context.limits,
            requiresSandbox: context.requiresSandbox,
            output: output
        )
        var lost = 0
        while true {
            let host = try taken()
            guard isWanted(host) else { throw released(host) }
            var step: LoadStep?
            do throws(Loader.Failure) {
                let found = try loaded(load, in: host, agreeingWith: first, &step)
                begin(host, afterNs: MonotonicTime.nowNs - load.beganAtNs)
                return (host, found)
            } catch {
                let end = host.waitForEnd(milliseconds: Self.endMs) ?? .released
                context.meter.ended(version.id, reason: end.label, wasStarted: false)
                if let omitted = load.omitted.after(end, in: step) {
                    load.omitted = omitted
                    logOmission(end, step)
                    continue
                }
                // Not the version's doing: the host had nothing of it yet, or was ended by another
                // process in a load that has passed before.
                lost += 1
                let isInnocent = step == nil || known != nil && end.isByOthers
                guard isInnocent, lost < Self.maxLostHosts else { throw error }
            }
        }
    }

    private func released(_ host: HostProcess) -> Loader.Failure {
        host.kill(.released)
        return .passing(ServingError(.unavailable, "the model was released"))
    }

    private func logOmission(_ end: HostEnd, _ step: LoadStep?) {
        context.logger.warning(
            "a load ended its process on synthetic inputs and goes on without them",
            metadata: [
                "model.name": "\(version.id.model)", "model.version": "\(version.id.version)",
                "reason": "the process \(end.text) \(step?.place ?? "")",
            ]
        )
    }

    private func taken() throws(Loader.Failure) -> HostProcess {
        do throws(EngineError) {
            return try context.pool.take()
        } catch {
            throw .passing(ServingError(.unavailable, error.message, detail: error.detail))
        }
    }

    private func loaded(
        _ load: HostLoad,
        in host: HostProcess,
        agreeingWith first: HostedFindings?,
        _ step: inout LoadStep?
    ) throws(Loader.Failure) -> HostedFindings {
        let found = try load.run(in: host, step: &step)
        guard let first, first.signature != found.signature else { return found }
        step = .load
        host.kill(.lied("it describes the model in another way than before"))
        throw .passing(ServingError(.unavailable, "the model differs from the one of before"))
    }

    /// Counts a host that serves.
    private func begin(_ host: HostProcess, afterNs: UInt64) {
        context.pool.noteGoodStart()
        context.meter.started(version.id, ns: afterNs)
        let (meter, id) = (context.meter, version.id)
        host.whenEnded { end in meter.ended(id, reason: end.label) }
    }
}
