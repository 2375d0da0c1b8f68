internal import Engine
internal import Logging
internal import Registry

/// Loads in the server, under limits.
extension Reconciler {
    /// The most loads in the server that were abandoned and go on. With as many, further versions
    /// are put into hosts.
    static var maxAbandonedLoads: Int { 8 }

    /// The result of a load in the server.
    enum ServerLoad {
        case loaded(Slot)
        /// The version is to be loaded in a host: since it runs there, or since its load here went
        /// over a limit.
        case needsHost(GuardedLoads.Placed)
    }

    /// Loads a version in the server, unless it runs in a host.
    ///
    /// - Parameter placed: The version with its analysis; nil: it is still to be analysed.
    func loadInServer(
        _ candidate: GuardedLoads.Candidate,
        _ placed: GuardedLoads.Placed?,
        isLive: Bool,
        _ waited: inout Duration
    ) async throws(Loader.Failure) -> ServerLoad {
        let version = candidate.version
        let turn = await takeTurn(
            .server,
            version,
            isLive: isLive,
            isSuspect: candidate.isSuspect,
            &waited
        )
        defer { endTurn(turn) }
        var present: GuardedLoads.Placed
        if let placed {
            try await makeRoom(for: version, in: turn)
            present = placed
        } else {
            present = try await place(version, in: turn)
        }
        guard !present.isolation.isHosted else { return .needsHost(present) }
        abandonedLoads.removeAll(where: \.hasEnded)
        if guarded.hosts != nil, abandonedLoads.count >= Self.maxAbandonedLoads {
            let why = "\(abandonedLoads.count) loads in the server were abandoned and go on"
            present.isolation = SlotIsolation(isHosted: true, why: why)
            return .needsHost(present)
        }
        let (guarded, thread, loadable) = (guarded, try turn.lane.startedThread(), present)
        let end = try await supervise(
            version,
            limits: supervision(of: version, isFirst: candidate.needsTrial),
            in: turn
        ) { supervisor throws(Loader.Failure) in
            try guarded.load(loadable, on: thread, supervisor)
        }
        switch end {
        case .done(let slot): return .loaded(slot)
        case .over(let overrun):
            present.isolation = SlotIsolation(
                isHosted: true,
                why: "its load in the server \(overrun)"
            )
            return .needsHost(present)
        }
    }

    /// Makes the checks of a version in the server, where there are no hosts.
    func examineInServer(
        _ candidate: GuardedLoads.Candidate,
        for principal: String,
        _ waited: inout Duration
    ) async throws(Loader.Failure) {
        let version = candidate.version
        let turn = await takeTurn(.server, version, isLive: false, for: [principal], &waited)
        defer { endTurn(turn) }
        let placed = try await place(version, in: turn)
        let guarded = guarded
        let limits = supervision(of: version, isFirst: true)
        _ = try await supervise(version, limits: limits, in: turn) {
            supervisor throws(Loader.Failure) in
            try guarded.examine(placed, supervisor)
        }
    }

    /// The end of a supervised load.
    private enum End<Output> {
        case done(Output)
        /// It went over a limit: the rest of a sentence that begins with the load.
        case over(String)
    }

    /// Runs a load on the lane's thread, within the limits.
    ///
    /// - Throws: The failure of the load. Without hosts a load over a limit rejects the version.
    private func supervise<Output: Sendable>(
        _ version: OpenedVersion,
        limits: LoadSupervisor.Limits,
        in turn: LoadTurn,
        _ body: @escaping @Sendable (LoadSupervisor) throws(Loader.Failure) -> Output
    ) async throws(Loader.Failure) -> End<Output> {
        let (watch, moment) = (memory.watch(), schedule.moment(of: turn))
        let supervisor = LoadSupervisor(limits, watch: watch)
        let (id, disposal) = (version.id, disposal)
        let result: Result<Output, Loader.Failure>?? = await turn.lane.queue.run(
            on: try turn.lane.startedThread(),
            while: supervisor.mayGoOn
        ) {
            // The memory that only the load needed goes back to the system.
            defer { Heaps.trimOwn() }
            let result = Result { () throws(Loader.Failure) in try body(supervisor) }
            guard supervisor.end() else { return result }
            disposal.release(result)
            return nil
        }
        switch result ?? nil {
        case .success(let output)?:
            learn(version, from: watch, in: turn, since: moment)
            return .done(output)
        case .failure(let failure)?:
            // The failure of a stopped load is the stop's.
            guard failure.mayPass, let overrun = supervisor.overrun else { throw failure }
            logOverrun("a load in the server was stopped", supervisor, id)
            return try over(overrun, supervisor, version)
        case nil:
            abandonedLoads.append(supervisor)
            abandonTurn(turn)
            logOverrun("a load in the server was abandoned", supervisor, id)
            return try over(supervisor.overrun ?? "was abandoned", supervisor, version)
        }
    }

    private func over<Output>(
        _ overrun: String,
        _ supervisor: LoadSupervisor,
        _ version: OpenedVersion
    ) throws(Loader.Failure) -> End<Output> {
        let guarded = guarded
        control.begin { guarded.noteOverrun(version) }
        guard guarded.hosts != nil else {
            throw .rejected(
                reason: "its load \(overrun) and was ended \(supervisor.place)",
                detail: ""
            )
        }
        return .over(overrun)
    }

    /// The limits of a load in the server.
    ///
    /// - Parameter isFirst: Whether the version was examined just now. One that has passed its first
    ///   load before is not refused because `loading.memory_bytes` was lowered since: it may take
    ///   what the default of that key allows.
    private func supervision(
        of version: OpenedVersion,
        isFirst: Bool
    ) -> LoadSupervisor.Limits {
        let extra = FirstLoadLimits.extraSeconds(bytes: version.info.bytes)
        var loadLimits = loadLimits
        if !isFirst { loadLimits.memoryBytes = 0 }
        // Loads that run beside it at the start may each take as much, in the same process.
        let width = UInt64(schedule[.server].width)
        let bytes = loadLimits.memory(memory.reading).bytes.multipliedReportingOverflow(by: width)
        return LoadSupervisor.Limits(
            time: .seconds(loadLimits.seconds + extra),
            memoryBytes: bytes.overflow ? .max : bytes.partialValue,
            grace: patience.grace
        )
    }

    private func logOverrun(
        _ message: Logger.Message,
        _ supervisor: LoadSupervisor,
        _ id: VersionID
    ) {
        var metadata = Self.metadata(id)
        metadata["reason"] = "its load \(supervisor.overrun ?? "was abandoned") \(supervisor.place)"
        logger.warning(message, metadata: metadata)
    }
}
