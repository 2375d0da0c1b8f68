internal import Dispatch
internal import Engine
internal import Logging
internal import Registry

/// Makes what is loaded follow what the registry says: one loop for start-up, publish, alias
/// moves, rollback and deletion.
///
/// For each alias with an unsettled wish there is one driver: it loads the target, settles the
/// move in the registry (durable first), then swaps the routing table. A move that was overtaken
/// meanwhile settles nothing. The actor is control plane only; requests read the table.
package actor Reconciler {
    let registry: Registry
    let routes: Routes
    let limits: ServingLimits
    let logger: Logger
    private let loader: Loader
    /// One load at a time: the memory that a load takes on top is that of one model.
    private let loading = BlockingQueue(label: "strongroom.load", qos: .utility)
    /// Reads and writes of the registry's metadata: short, and never behind a load.
    private let control = BlockingQueue(label: "strongroom.control")

    private var loads: [VersionID: LoadState] = [:]
    private var drivers: [AliasID: Task<Void, Never>] = [:]
    private var waiters: [AliasID: [Waiter]] = [:]
    private var answering: [AliasID: VersionID] = [:]
    /// What an alias answered with before: kept warm, so that a rollback needs no load.
    private var previous: [AliasID: VersionID] = [:]
    /// Versions asked for by number, the most recently used last.
    private var pinned: [VersionID] = []
    private var validating: [VersionID: Int] = [:]
    private var retired: [VersionID: WeakSlot] = [:]
    private var isStopping = false

    private enum LoadState {
        case loading(Task<Slot, any Error>, sinceUnixMs: Int64)
        case ready(Slot)
        case failed(reason: String, sinceUnixMs: Int64)
    }

    private struct Waiter {
        let generation: UInt64
        let continuation: CheckedContinuation<MoveOutcome?, Never>
    }

    private struct WeakSlot {
        weak var slot: Slot?
        let sinceUnixMs: Int64
    }

    init(
        registry: Registry, loader: Loader, routes: Routes, limits: ServingLimits, logger: Logger
    ) {
        self.registry = registry
        self.loader = loader
        self.routes = routes
        self.limits = limits
        self.logger = logger
    }

    // MARK: - Start and stop

    /// Loads what every alias answers with, and starts the moves that were pending. Returns when
    /// each alias answers or is known to be unable to.
    func start() async throws {
        let registry = registry
        let (models, aliases) = try await control.run {
            (try Self.allModels(in: registry), try registry.allAliases())
        }
        routes.swap { table in
            for model in models { table.update(model) { _ in } }
            for (model, alias) in aliases {
                table.update(model) { $0.aliases[alias.name] = .loading }
            }
        }
        for (model, alias) in aliases {
            let id = AliasID(model: model, alias: alias.name)
            if alias.version != 0 { await restore(id, version: alias.version) }
            if alias.targetVersion != alias.version {
                drive(id)
            } else if alias.version == 0 {
                setRoute(id, Self.firstTargetRejected(id, failure: alias.failure))
            }
        }
    }

    private static func allModels(in registry: Registry) throws -> [String] {
        var names: [String] = []
        while true {
            let page = try registry.models(after: names.last, limit: 1_000, where: { _ in true })
            if page.isEmpty { return names }
            names.append(contentsOf: page.map(\.name))
        }
    }

    /// Ends the drivers; loaded versions go on answering.
    func stop() {
        isStopping = true
        for driver in drivers.values { driver.cancel() }
        for id in waiters.keys { resolve(id, upTo: .max, as: nil) }
    }

    private func restore(_ alias: AliasID, version: UInt64) async {
        let id = VersionID(model: alias.model, version: version)
        do {
            let slot = try await slot(for: id)
            answering[alias] = id
            setRoute(alias, .serving(slot))
        } catch {
            let error = await consequences(of: error, for: id)
            logger.error(
                "a live version could not be loaded",
                metadata: [
                    "model.name": "\(id.model)", "model.version": "\(id.version)",
                    "error": "\(error)",
                ])
            setRoute(alias, .failed(error))
        }
    }

    // MARK: - Moves

    /// Follows a change of an alias: a move, or its deletion.
    package func aliasChanged(_ id: AliasID) {
        drive(id)
    }

    /// Follows a move, and waits for its end.
    /// - Returns: nil when the server stops before.
    package func waitForMove(_ id: AliasID, generation: UInt64) async -> MoveOutcome? {
        guard !isStopping else { return nil }
        async let outcome = enlist(id, generation: generation)
        return await outcome
    }

    private func enlist(_ id: AliasID, generation: UInt64) async -> MoveOutcome? {
        await withCheckedContinuation { continuation in
            waiters[id, default: []].append(
                Waiter(generation: generation, continuation: continuation))
            drive(id)
        }
    }

    private func drive(_ id: AliasID) {
        guard !isStopping else { return resolve(id, upTo: .max, as: nil) }
        guard drivers[id] == nil else {
            redrive.insert(id)
            return
        }
        drivers[id] = Task { await self.follow(id) }
    }

    /// Aliases that changed while their driver ran.
    private var redrive: Set<AliasID> = []

    private func follow(_ id: AliasID) async {
        var attempt = 0
        repeat {
            redrive.remove(id)
            do {
                try await followOnce(id)
                attempt = 0
            } catch is CancellationError {
                break
            } catch {
                attempt += 1
                logger.warning(
                    "an alias could not be moved yet and will be tried again",
                    metadata: [
                        "model.name": "\(id.model)", "model.alias": "\(id.alias)",
                        "error": "\(error)",
                    ])
                redrive.insert(id)
                let seconds = min(1 << min(attempt - 1, 16), limits.loadRetrySeconds)
                guard (try? await Task.sleep(for: .seconds(seconds))) != nil else { break }
            }
        } while redrive.contains(id) && !isStopping
        drivers[id] = nil
        sweep()
    }

    /// Takes the alias to its present wish, if it has an open one.
    private func followOnce(_ id: AliasID) async throws {
        guard let wish = try await wish(of: id) else {
            answering[id] = nil
            previous[id] = nil
            routes.swap { table in table.update(id.model) { $0.aliases[id.alias] = nil } }
            return resolve(id, upTo: .max, as: .superseded)
        }
        guard wish.targetVersion != wish.version else {
            return await resolveSettled(id, wish: wish)
        }
        if wish.version == 0 { setRoute(id, .loading) }
        let target = VersionID(model: id.model, version: wish.targetVersion)
        let slot: Slot
        do {
            slot = try await self.slot(for: target)
        } catch let failure as Loader.Failure {
            return try await reject(id, wish: wish, target: target, failure: failure)
        }
        try await settleServed(id, wish: wish, slot: slot)
    }

    private func settleServed(_ id: AliasID, wish: AliasInfo, slot: Slot) async throws {
        let registry = registry
        let settled = try await control.run {
            try registry.settle(
                model: id.model, alias: id.alias, generation: wish.generation, outcome: .served)
        }
        guard settled else {
            redrive.insert(id)
            return
        }
        if let before = answering[id], before != slot.id { previous[id] = before }
        answering[id] = slot.id
        setRoute(id, .serving(slot))
        logger.info(
            "a version went live",
            metadata: [
                "model.name": "\(id.model)", "model.version": "\(slot.id.version)",
                "model.alias": "\(id.alias)",
            ])
        resolve(id, upTo: wish.generation - 1, as: .superseded)
        resolve(id, upTo: wish.generation, as: .served)
        sweep()
    }

    private func reject(
        _ id: AliasID, wish: AliasInfo, target: VersionID, failure: Loader.Failure
    ) async throws {
        if case .passing(let error) = failure { throw error }
        let error = await consequences(of: failure, for: target)
        let registry = registry
        let settled = try await control.run {
            try registry.settle(
                model: id.model, alias: id.alias, generation: wish.generation,
                outcome: .rejected(reason: failure.reason))
        }
        guard settled else {
            redrive.insert(id)
            return
        }
        logger.warning(
            "a version did not go live",
            metadata: [
                "model.name": "\(id.model)", "model.version": "\(target.version)",
                "model.alias": "\(id.alias)", "error": "\(error)",
            ])
        if answering[id] == nil {
            setRoute(id, Self.firstTargetRejected(id, failure: failure.reason))
        }
        resolve(id, upTo: wish.generation - 1, as: .superseded)
        resolve(id, upTo: wish.generation, as: .rejected(reason: failure.reason))
    }

    private func wish(of id: AliasID) async throws -> AliasInfo? {
        let registry = registry
        return try await control.run {
            do {
                return try registry.alias(model: id.model, alias: id.alias)
            } catch let error as RegistryError where error.code == .notFound {
                return nil
            }
        }
    }

    /// A wish that is settled already: whoever waits for a move up to it learns from the history.
    private func resolveSettled(_ id: AliasID, wish: AliasInfo) async {
        let registry = registry
        for waiter in waiters[id] ?? [] where waiter.generation <= wish.generation {
            let moves = try? await control.run {
                try registry.aliasHistory(
                    model: id.model, alias: id.alias, before: waiter.generation + 1, limit: 1)
            }
            let outcome: MoveOutcome =
                switch moves?.first?.outcome {
                case .served: .served
                case .rejected: .rejected(reason: wish.failure)
                default: .superseded
                }
            resolve(id, exactly: waiter.generation, as: outcome)
        }
    }

    private func resolve(_ id: AliasID, upTo generation: UInt64, as outcome: MoveOutcome?) {
        let (done, open) = (waiters[id] ?? []).partitioned { $0.generation <= generation }
        waiters[id] = open.isEmpty ? nil : open
        for waiter in done { waiter.continuation.resume(returning: outcome) }
    }

    private func resolve(_ id: AliasID, exactly generation: UInt64, as outcome: MoveOutcome) {
        let (done, open) = (waiters[id] ?? []).partitioned { $0.generation == generation }
        waiters[id] = open.isEmpty ? nil : open
        for waiter in done { waiter.continuation.resume(returning: outcome) }
    }

    private static func firstTargetRejected(_ id: AliasID, failure: String) -> AliasRoute {
        .failed(
            ServingError(
                .failedPrecondition,
                "no version answers for alias '\(id.alias)' of model '\(id.model)': \(failure)"))
    }

    private func setRoute(_ id: AliasID, _ route: AliasRoute) {
        routes.swap { table in table.update(id.model) { $0.aliases[id.alias] = route } }
    }

    // MARK: - Versions

    /// Makes a new model known before any of its aliases is, so that it is told from an unknown one.
    package func modelAdded(_ model: String) {
        routes.swap { table in table.update(model) { _ in } }
    }

    /// Loads a version that no alias asks for, to see whether it may serve, and lets it go again.
    /// - Throws: ``ServingError`` when that could not be found out.
    package func validate(_ id: VersionID) async throws -> Validation {
        validating[id, default: 0] += 1
        defer {
            validating[id] = validating[id].flatMap { $0 > 1 ? $0 - 1 : nil }
            sweep()
        }
        do {
            _ = try await slot(for: id)
            return .passed
        } catch let failure as Loader.Failure {
            let error = await consequences(of: failure, for: id)
            if case .rejected(let reason, _) = failure { return .rejected(reason: reason) }
            throw error
        }
    }

    /// As ``validate(_:)`` when nobody waits for the result: a rejection is in the registry.
    package func validateInBackground(_ id: VersionID) {
        Task {
            do {
                _ = try await validate(id)
            } catch {
                logger.warning(
                    "a version could not be validated; it will be when it is asked for",
                    metadata: [
                        "model.name": "\(id.model)", "model.version": "\(id.version)",
                        "error": "\(error)",
                    ])
            }
        }
    }

    /// The slot of a version asked for by number: loaded if need be, and kept while it is used.
    package func pin(_ id: VersionID) async throws -> Slot {
        pinned.removeAll { $0 == id }
        pinned.append(id)
        if pinned.count > limits.pinnedVersions { pinned.removeFirst() }
        do {
            let slot = try await slot(for: id)
            sweep()
            return slot
        } catch {
            pinned.removeAll { $0 == id }
            throw await consequences(of: error, for: id)
        }
    }

    /// Forgets a deleted version.
    package func versionDeleted(_ id: VersionID) {
        pinned.removeAll { $0 == id }
        for (alias, version) in previous where version == id { previous[alias] = nil }
        loads[id].map { if case .failed = $0 { loads[id] = nil } }
        sweep()
    }

    /// This server's view of a version; nil: it has none.
    package func status(of id: VersionID) -> ReplicaStatus? {
        switch loads[id] {
        case .loading(_, let since):
            return ReplicaStatus(load: .loading, reason: "", sinceUnixMs: since)
        case .ready(let slot):
            return ReplicaStatus(load: .ready, reason: "", sinceUnixMs: slot.readySinceUnixMs)
        case .failed(let reason, let since):
            return ReplicaStatus(load: .failed, reason: reason, sinceUnixMs: since)
        case nil:
            guard let retired = retired[id], retired.slot != nil else { return nil }
            return ReplicaStatus(load: .draining, reason: "", sinceUnixMs: retired.sinceUnixMs)
        }
    }

    /// The loaded version, or the one that a load under way will give, or a new load.
    private func slot(for id: VersionID) async throws -> Slot {
        switch loads[id] {
        case .ready(let slot): return slot
        case .loading(let task, _): return try await task.value
        case .failed, nil: break
        }
        let loader = loader
        let loading = loading
        let task = Task { try await loading.run { try loader.load(id) } }
        loads[id] = .loading(task, sinceUnixMs: WallClock.unixMs)
        do {
            let slot = try await task.value
            loads[id] = .ready(slot)
            routes.swap { table in table.update(id.model) { $0.slots[id.version] = slot } }
            return slot
        } catch {
            let reason = (error as? Loader.Failure)?.reason ?? "\(error)"
            loads[id] = .failed(reason: reason, sinceUnixMs: WallClock.unixMs)
            throw error
        }
    }

    /// Records a rejection, and says what a caller who asked for the version is told.
    private func consequences(of error: any Error, for id: VersionID) async -> ServingError {
        guard let failure = error as? Loader.Failure else {
            return error as? ServingError
                ?? ServingError(.internalFailure, "\(id) could not be loaded", detail: "\(error)")
        }
        if case .rejected(let reason, let detail) = failure {
            logger.warning(
                "a version was rejected",
                metadata: [
                    "model.name": "\(id.model)", "model.version": "\(id.version)",
                    "reason": "\(reason)", "detail": "\(detail)",
                ])
            let registry = registry
            do {
                try await control.run {
                    try registry.reject(model: id.model, version: id.version, reason: reason)
                }
            } catch {
                logger.error("a rejection could not be recorded", metadata: ["error": "\(error)"])
            }
        }
        return failure.servingError(id)
    }

    /// Lets go of versions that nothing asks for any more.
    private func sweep() {
        retired = retired.filter { $0.value.slot != nil }
        var wanted = Set(answering.values)
        wanted.formUnion(previous.values)
        wanted.formUnion(pinned)
        wanted.formUnion(validating.keys)
        // A driver between its load and its swap holds its target by being there.
        let driven = Set(drivers.keys.map(\.model))
        for (id, state) in loads {
            guard case .ready(let slot) = state, !wanted.contains(id), !driven.contains(id.model)
            else { continue }
            loads[id] = nil
            retired[id] = WeakSlot(slot: slot, sinceUnixMs: WallClock.unixMs)
            routes.swap { table in table.update(id.model) { $0.slots[id.version] = nil } }
            logger.info(
                "a version is unloaded",
                metadata: ["model.name": "\(id.model)", "model.version": "\(id.version)"])
        }
    }
}

extension Loader.Failure {
    /// Why, for records and callers.
    var reason: String {
        switch self {
        case .rejected(let reason, _): reason
        case .damaged(let error), .refused(let error), .passing(let error): error.message
        }
    }

    func servingError(_ id: VersionID) -> ServingError {
        switch self {
        case .rejected(let reason, let detail):
            ServingError(
                .failedPrecondition, ServingError.rejected(id, reason: reason).message,
                detail: detail)
        case .damaged(let error), .refused(let error), .passing(let error): error
        }
    }
}

extension Array {
    fileprivate func partitioned(_ belongs: (Element) -> Bool) -> ([Element], [Element]) {
        (filter(belongs), filter { !belongs($0) })
    }
}
