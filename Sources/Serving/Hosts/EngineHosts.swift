internal import Engine
internal import Hosting
package import Logging
internal import Registry

/// The engine hosts of a server: the spares, and those that examine or serve versions.
package final class EngineHosts: VersionHosts {
    /// The limits of loads.
    package let limits: FirstLoadLimits
    /// Counts hosts.
    package let meter = HostMeter()
    /// Counts the bytes of memory areas beside the rings.
    private let areas: AreaBudget
    private let pool: SparePool
    private let context: HostContext

    /// Makes a place that has no host yet.
    ///
    /// - Parameters:
    ///   - limits: The limits of one load.
    ///   - serving: The bounds of serving.
    ///   - logger: Gets ends and starts of hosts, and what libraries in them write.
    package init(_ limits: FirstLoadLimits, _ serving: ServingLimits, logger: Logger) {
        self.limits = limits
        let isolation = serving.isolation
        areas = AreaBudget(limitBytes: serving.queuedBytes)
        let setup = HostSetup(
            ringBytes: isolation.ringBytes,
            lanes: serving.hostLanes,
            budget: areas
        )
        pool = SparePool(setup, count: isolation.spareHosts) { id, lives in
            let processes = HostedProcesses.shared
            if lives { processes.add(id) } else { processes.remove(id) }
        }
        context = HostContext(
            pool: pool,
            limits: limits,
            requiresSandbox: isolation.requiresSandbox,
            meter: meter,
            logger: logger
        )
    }

    /// Counts the bytes of memory areas with those of the requests that wait or run.
    func shareBudget(with load: QueueLoad) { areas.share(load) }

    /// Begins to start spares; returns at once.
    package func prepare() { pool.fill() }

    func load(
        _ version: OpenedVersion,
        inspection: ModelInspection,
        known: VersionFindings?,
        for purpose: HostPurpose
    ) throws(Loader.Failure) -> HostedVersion {
        let supervisor = HostSupervisor(
            version.id,
            ProcessStarter(version, context),
            loadSeconds: limits.seconds,
            logger: context.logger
        )
        let found: HostedFindings
        do throws(Loader.Failure) {
            found = try supervisor.start(known: known)
        } catch {
            supervisor.release()
            throw error
        }
        let model: HostedModel?
        switch purpose {
        case .trial:
            supervisor.release()
            model = nil
        case .serving: model = HostedModel(found, rows: inspection.rows, supervisor)
        }
        return HostedVersion(
            model: model,
            findings: found.findings,
            warmUpFailure: found.warmUpFailure
        )
    }
}
