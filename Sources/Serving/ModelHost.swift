package import Engine
package import Logging
package import Registry

/// Serves predictions from the versions that the registry says should answer.
package final class ModelHost: Sendable {
    /// Moves, validations and what is loaded: the control plane.
    package let reconciler: Reconciler
    let routes: Routes
    /// What counts requests, loads and swaps.
    package let meters: ServingMeters
    private let limits: ServingLimits
    private let executors: Executors
    private let loads = LoadWaiters()

    private static let maxListedVersions = 8

    /// Makes a host that serves nothing yet.
    /// - Parameters:
    ///   - engines: What loads and runs models; a card names one of them.
    ///   - memory: What says whether there is memory for a load.
    ///   - firstLoad: Where a version is loaded for the first time.
    package init(
        registry: Registry,
        engines: [any InferenceEngine],
        firstLoad: FirstLoad = .here,
        limits: ServingLimits = ServingLimits(),
        memory: SystemMemory = .system,
        logger: Logger
    ) {
        let routes = Routes()
        let meters = ServingMeters(hosts: firstLoad.meter)
        self.meters = meters
        var loader = Loader(
            engines: Dictionary(engines.map { ($0.name, $0) }, uniquingKeysWith: { $1 }),
            loopRunNs: limits.loopRunNs,
            meters: meters
        )
        loader.growth = limits.isolation.growth
        loader.runSeconds = limits.runSeconds
        loader.hostedExecutors = { () throws(EngineError) in try .ofHostedVersion(limits) }
        self.routes = routes
        self.limits = limits
        firstLoad.hosts?.shareBudget(with: routes.current.load)
        executors = Executors(threads: limits.executors, bound: limits.queueBound)
        reconciler = Reconciler(
            registry: registry,
            loader: loader,
            firstLoad: firstLoad,
            routes: routes,
            limits: limits,
            memory: memory,
            logger: logger
        )
    }

    /// Loads what should answer. Returns when each alias answers or is known to be unable to.
    /// - Parameter whenKnown: called before the first load, once it is known what there is to
    ///   load: the time to begin to listen.
    /// - Returns: what `whenKnown` returned.
    @discardableResult
    package func start<Result: Sendable>(
        whenKnown: @Sendable () async throws -> Result = {}
    ) async throws -> Result {
        try await reconciler.start(whenKnown: whenKnown)
    }

    /// Stops following the registry; requests that were taken are run to their end.
    package func stop() async {
        await reconciler.stop()
        executors.stop()
        for route in routes.current.models.values {
            for slot in route.slots.values { slot.executors?.stop() }
        }
    }

    private func executors(of slot: Slot) -> Executors { slot.executors ?? executors }

    /// Runs a request and answers through its `completion`, from any thread, possibly before this
    /// call returns. From here the request holds its version, whatever happens to the alias.
    ///
    /// - Parameter loop: The caller's loop, on which the request is run if it is cheaper than a
    ///   hop to another thread; nil: it is not.
    package func predict(_ request: PredictionRequest, on loop: LoopRunner? = nil) {
        let table = routes.current
        var isRouted = false
        do throws(ServingError) {
            guard let admission = table.models[request.model]?.admission else {
                throw .unknownModel(request.model)
            }
            switch request.selector {
            case .alias(let alias):
                let slot = try table.slot(model: request.model, alias: alias)
                request.onRouted?(slot.meter.calls)
                isRouted = true
                guard slot.hasRoom(for: request) else { return wait(request, for: slot) }
                try enter(request, admission, slot)
                try enqueue(request, slot: slot, admission: admission, on: loop)
            case .version(let version):
                let id = VersionID(model: request.model, version: version)
                let slot = table.slot(id)
                if let slot { request.onRouted?(slot.meter.calls) }
                isRouted = slot != nil
                if let slot, !slot.hasRoom(for: request) { return wait(request, for: slot) }
                try enter(request, admission, slot)
                guard let slot else {
                    return try loadThenEnqueue(request, id: id, admission: admission)
                }
                slot.markUsed()
                try enqueue(request, slot: slot, admission: admission, on: loop)
            }
        } catch {
            if !isRouted { countWithModel(request, table) }
            request.completion(.failure(error))
        }
    }

    /// Takes a request again when its caller has room for the result.
    func wait(_ request: PredictionRequest, for slot: Slot) {
        request.room?.wait(
            forResultBytes: slot.resultBytes(of: request),
            holding: request.heldBytes
        ) { self.predict(request) }
    }

    /// Counts a request that fails before it has a version with its model, if there is one: what
    /// callers make up makes no series.
    private func countWithModel(_ request: PredictionRequest, _ table: RoutingTable) {
        guard table.models[request.model] != nil else { return }
        request.onRouted?(meters.model(request.model).calls)
    }

    /// The version that answers for a selector, loaded if it was asked for by number.
    /// - Parameter principal: The caller, in whose turns it is loaded.
    /// - Throws: ``ServingError`` as a prediction would.
    package func slot(
        model: String,
        selector: VersionSelector,
        principal: String
    ) async throws -> Slot {
        let table = routes.current
        switch selector {
        case .alias(let alias):
            return try table.slot(model: model, alias: alias)
        case .version(let version):
            guard table.models[model] != nil else { throw ServingError.unknownModel(model) }
            let id = VersionID(model: model, version: version)
            return try await reconciler.pin(id, for: principal)
        }
    }

    /// Why an alias cannot answer now; nil: it can.
    package func unreadiness(model: String, alias: String) -> ServingError? {
        do throws(ServingError) {
            _ = try routes.current.slot(model: model, alias: alias)
            return nil
        } catch {
            return error
        }
    }

    /// Takes a place in the model's queue; a request that waits for a load has one too. Where there
    /// is none, the principal with the most bytes loses the place of its newest request.
    private func enter(
        _ request: PredictionRequest,
        _ admission: Admission,
        _ slot: Slot?
    ) throws(ServingError) {
        // A version that runs in the server's process has no host that could end.
        if let slot, slot.executors != nil {
            try slot.crashes.check(request.principal, of: slot.id)
        }
        var displacements = 0
        while let full = admission.enter(bytes: request.heldBytes, limits: limits) {
            let other =
                displacements < BatchQueue.maxDisplaced
                ? admission.displaced(for: request, full, limits: limits) : nil
            guard let other else {
                throw admission.error(full, model: request.model, limits: limits)
            }
            displacements += 1
            executors(of: other.job.slot).displace(other)
        }
    }

    /// Gives a request that has its place to who runs it.
    /// - Throws: ``ServingError`` when nobody will; the place is free again.
    private func enqueue(
        _ request: PredictionRequest,
        slot: Slot,
        admission: Admission,
        loadNs: UInt64 = 0,
        on loop: LoopRunner? = nil
    ) throws(ServingError) {
        let job = Job(
            request: request,
            slot: slot,
            admission: admission,
            loadNs: loadNs,
            placeBytes: admission.placeBytes(limits: limits),
            host: self
        )
        if let loop, slot.executors == nil, loop.take(job) { return }
        do throws(ServingError) {
            try job.check()
            try executors(of: slot).submit(job)
        } catch {
            admission.leave(bytes: request.heldBytes)
            throw error
        }
    }

    /// A boundary from the loop: loading takes longer than a request may hold one. There is one of
    /// these tasks for each version that is waited for, and it ends with the load.
    private func loadThenEnqueue(
        _ request: PredictionRequest,
        id: VersionID,
        admission: Admission
    ) throws(ServingError) {
        let ticket: UInt64
        switch loads.enter(request, for: id) {
        case .another(let other, let isOwner):
            ticket = other
            if isOwner {
                let (reconciler, principal) = (reconciler, request.principal)
                Task { await reconciler.joinLoad(id, for: principal) }
            }
        case .first(let first):
            ticket = first
            let principal = request.principal
            Task { await load(id, admission, for: principal) }
        case .full:
            admission.leave(bytes: request.heldBytes)
            throw .exhausted(
                "too many requests wait for loads: at most \(LoadWaiters.maxVersions) versions are "
                    + "waited for, \(LoadWaiters.maxVersionsPerPrincipal) of them for one caller, "
                    + "each by at most \(LoadWaiters.maxRequests) requests, "
                    + "\(LoadWaiters.maxRequestsPerPrincipal) of them of one caller",
                retryAfterNs: WorkRate.retryNs.upperBound
            )
        }
        let (loads, heldBytes) = (loads, request.heldBytes)
        request.onCancel? {
            guard let request = loads.withdraw(ticket, for: id) else { return }
            admission.leave(bytes: heldBytes)
            request.completion(.failure(.cancelled))
        }
    }

    private func load(_ id: VersionID, _ admission: Admission, for principal: String) async {
        let result: Result<Slot, ServingError>
        do throws(ServingError) {
            result = .success(try await reconciler.pin(id, for: principal))
        } catch {
            result = .failure(error)
        }
        let now = ContinuousClock.now
        for waiting in loads.takeAll(for: id) {
            let request = waiting.request
            switch result {
            case .success(let slot):
                request.onRouted?(slot.meter.calls)
                guard slot.hasRoom(for: request) else {
                    admission.leave(bytes: request.heldBytes)
                    wait(request, for: slot)
                    continue
                }
                let loadNs = (now - waiting.since).nanoseconds
                do throws(ServingError) {
                    try enqueue(request, slot: slot, admission: admission, loadNs: loadNs)
                } catch {
                    request.completion(.failure(error))
                }
            case .failure(let error):
                admission.leave(bytes: request.heldBytes)
                countWithModel(request, routes.current)
                request.completion(.failure(error))
            }
        }
    }

    /// Gives the system the free memory of all heaps back, but for the ends of most of them. Does
    /// not wait for it.
    package func giveMemoryBack() { Disposal.shared.giveBackFree() }

    /// Versions that have requests at this instant, some of them if they are many.
    package func runningVersions() -> [String] {
        meters.running(limit: Self.maxListedVersions).map(\.description)
    }

    /// What is counted, and what waits and runs of each model, at one instant.
    package var figures: ServingFigures {
        var figures = meters.figures
        for (name, route) in routes.current.models {
            let present = route.admission.present
            figures.queues.append(
                ServingFigures.Queue(model: name, requests: present.requests, bytes: present.bytes)
            )
        }
        figures.queues.sort { $0.model < $1.model }
        return figures
    }
}
