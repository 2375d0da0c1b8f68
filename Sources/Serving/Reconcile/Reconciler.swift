internal import Engine
internal import Logging
internal import Registry

/// Makes what is loaded and what answers follow what the registry says: one way for start-up,
/// publish, alias moves, rollback and deletion.
///
/// An alias is followed in passes. A pass reads what the registry says of it, does what can be
/// done at once (settle a move whose target is ready, durable first; swap the routing table) and
/// begins the loads that the rest waits for; a load's end begins the next pass. So no alias ever
/// waits behind a load that it does not need: a rollback during a long load is there at once. All
/// passes of one alias follow each other. The actor is control plane only; requests read the
/// table.
package actor Reconciler {
    let registry: Registry
    let routes: Routes
    let limits: ServingLimits
    let logger: Logger
    let loader: Loader
    let guarded: GuardedLoads
    /// The limits of loads.
    let loadLimits: FirstLoadLimits
    let patience: LoadPatience
    /// Opens versions, one at a time: short, and never behind a load.
    let opening = BlockingQueue(label: "strongroom.open")
    /// Reads and writes of the registry's metadata: short, and never behind a load.
    let control = BlockingQueue(label: "strongroom.control")

    /// What loads take, and what there is.
    let memory: LoadMemory
    let disposal = Disposal.shared

    var aliases: [AliasID: FollowedAlias] = [:]
    var loaded = LoadedVersions()
    /// The principals for which versions are being loaded.
    var loadOwners = LoadOwners()
    /// Which loads run at once.
    var schedule = LoadSchedule<CheckedContinuation<LoadTurn, Never>>()
    /// Timers that end the part of each load in which it holds up others.
    var overtaking: [LoadTurn.ID: Task<Void, Never>] = [:]
    /// Loads in the server that were abandoned and, when it was last looked, went on.
    var abandonedLoads: [LoadSupervisor] = []
    /// Loads that wait for another one to end, since that takes the memory that they need.
    var roomWaiters: [CheckedContinuation<Void, Never>] = []
    /// The validations under way: of a version one at a time.
    var validations: [VersionID: RunningValidation] = [:]
    /// Until what answered before is loaded again, no new version is.
    var isStarting = false
    var isStopping = false
    /// Whether the process is about to end: callers do not wait for loads any more.
    var isEnding = false
    private var lastTicket: UInt64 = 0

    init(
        registry: Registry,
        loader: Loader,
        firstLoad: FirstLoad,
        routes: Routes,
        limits: ServingLimits,
        memory: SystemMemory,
        logger: Logger
    ) {
        self.registry = registry
        self.memory = LoadMemory(system: memory, budgetBytes: limits.memoryBudgetBytes)
        self.loader = loader
        guarded = GuardedLoads(
            registry: registry,
            loader: loader,
            hosts: firstLoad.hosts,
            isolation: limits.isolation,
            maxCrashes: firstLoad.limits.maxCrashes,
            logger: logger
        )
        LoadLane.prepare()
        loadLimits = firstLoad.limits
        patience = firstLoad.patience
        self.routes = routes
        self.limits = limits
        self.logger = logger
    }

    // MARK: - Start and stop

    /// Loads what every alias answers with, as many versions at once as there are processors, then
    /// lets the moves go on that were pending. An alias answers as soon as its own version is
    /// loaded. Returns when each alias answers, or its version is known to be unable to, or it never
    /// had one.
    /// - Parameter whenKnown: called once models and aliases are known, before any is loaded: from
    ///   then on a request learns that its alias is loading, and not that it does not exist.
    /// - Returns: what `whenKnown` returned.
    /// - Throws: what reading the registry throws, and what `whenKnown` does.
    func start<Result: Sendable>(
        whenKnown: @Sendable () async throws -> Result
    ) async throws -> Result {
        isStarting = true
        defer { isStarting = false }
        let registry = registry
        let (models, found) = try await control.run {
            (try Self.allModels(in: registry), try registry.allAliases())
        }
        let ids = found.map { AliasID(model: $0.model, alias: $0.alias.name) }
        routes.swap { table in
            for model in models { table.update(model) { _ in } }
            for id in ids { table.update(id.model) { $0.aliases[id.alias] = .loading } }
        }
        let result = try await whenKnown()
        schedule[.server].beginStart(width: Processors.count)
        defer { schedule[.server].endStart() }
        for id in ids { await follow(id) }
        for id in ids { await aliases[id]?.restoring?.value }
        isStarting = false
        // Those that came meanwhile too.
        for id in Array(aliases.keys) { await follow(id) }
        return result
    }

    private static func allModels(in registry: Registry) throws -> [String] {
        var names: [String] = []
        while true {
            let page = try registry.models(after: names.last, limit: 1_000, where: { _ in true })
            if page.isEmpty { return names }
            names.append(contentsOf: page.map(\.name))
        }
    }

    /// Follows nothing any more; loaded versions go on answering, and nobody is kept waiting.
    func stop() {
        isStopping = true
        for validation in validations.values { validation.task.cancel() }
        for id in Array(aliases.keys) { aliases[id]?.retry?.cancel() }
        endWaiting()
    }

    /// Keeps no caller waiting from now on, while loads and moves go on.
    func endWaiting() {
        isEnding = true
        for id in Array(aliases.keys) { resolve(id, as: nil) { _ in true } }
        for id in Array(validations.keys) { resolveValidation(id, as: nil) { _ in true } }
    }

    /// The name of a caller that waits.
    func takeTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    // MARK: - What changes

    /// Makes a new model known before any of its aliases is, so that it is told from an unknown
    /// one.
    package func modelAdded(_ model: String) {
        routes.swap { table in table.update(model) { _ in } }
    }

    /// Follows a change of an alias: a move, or its deletion. When this returns, what can be done
    /// without a load is done.
    package func aliasChanged(_ id: AliasID) async {
        await follow(id)
    }

    /// Follows a move, and waits for its end.
    /// - Returns: nil when the server stops, or the caller's task is cancelled, before.
    package func waitForMove(_ id: AliasID, generation: UInt64) async -> MoveEnd? {
        let ticket = takeTicket()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !isEnding, !Task.isCancelled else {
                    // The move goes on without its caller.
                    beginPass(id)
                    return continuation.resume(returning: nil)
                }
                let waiter = FollowedAlias.Waiter(
                    ticket: ticket,
                    generation: generation,
                    continuation: continuation
                )
                aliases[id, default: FollowedAlias()].waiters.append(waiter)
                beginPass(id)
            }
        } onCancel: {
            // Runs behind the body above: on the actor, which that does not leave before it waits.
            Task { await self.resolve(id, as: nil) { $0.ticket == ticket } }
        }
    }

    /// Ends the wait of those whom `belongs` picks.
    func resolve(
        _ id: AliasID,
        as end: MoveEnd?,
        where belongs: (FollowedAlias.Waiter) -> Bool
    ) {
        let done = aliases[id]?.takeWaiters(where: belongs) ?? []
        for waiter in done { waiter.continuation.resume(returning: end) }
    }

    // MARK: - Passes

    /// Compares an alias with the registry, and waits until that is done.
    func follow(_ id: AliasID) async {
        await beginPass(id)?.value
    }

    /// Has a pass made for an alias: now, or again when the one under way is done.
    @discardableResult
    func beginPass(_ id: AliasID) -> Task<Void, Never>? {
        guard !isStopping else { return nil }
        var alias = aliases[id] ?? FollowedAlias()
        defer { aliases[id] = alias }
        alias.retry?.cancel()
        alias.retry = nil
        if let pass = alias.pass {
            alias.isChanged = true
            return pass
        }
        // A request that comes before the first look at a new alias finds it.
        if routes.current.models[id.model]?.aliases[id.alias] == nil { setRoute(id, .loading) }
        let pass = Task { await self.makePasses(id) }
        alias.pass = pass
        return pass
    }

    private func makePasses(_ id: AliasID) async {
        repeat {
            aliases[id]?.isChanged = false
            do {
                try await pass(id)
            } catch {
                tryAgainLater(id, after: error)
            }
        } while aliases[id]?.isChanged == true && !isStopping
        aliases[id]?.pass = nil
        sweep()
        if aliases[id]?.isIdle == true { aliases[id] = nil }
    }

    /// Has a pass made after a while, longer each time: what failed may pass.
    func tryAgainLater(_ id: AliasID, after error: any Error) {
        guard !isStopping, var alias = aliases[id] else { return }
        alias.failures += 1
        let pause = limits.retryPause(afterFailures: alias.failures)
        alias.retry?.cancel()
        alias.retry = Task {
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            await self.follow(id)
        }
        aliases[id] = alias
        logger.warning(
            "an alias could not be moved yet and will be tried again",
            metadata: [
                "model.name": "\(id.model)", "model.alias": "\(id.alias)", "error": "\(error)",
            ]
        )
    }

    func setRoute(_ id: AliasID, _ route: AliasRoute?) {
        routes.swap { table in table.update(id.model) { $0.aliases[id.alias] = route } }
    }
}
