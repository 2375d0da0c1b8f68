package import Engine
package import Logging
package import Registry

/// Serves predictions from the versions that the registry says should answer.
///
/// Generic over how a request's tensors lend their bytes, so that they are read where they lie.
package final class ModelHost<Bytes: TensorBytes>: Sendable {
    /// Moves, validations and what is loaded: the control plane.
    package let reconciler: Reconciler
    private let routes: Routes
    /// What counts requests, loads and swaps.
    package let meters = ServingMeters()
    private let limits: ServingLimits
    private let executors: Executors<Bytes>

    /// Makes a host that serves nothing yet.
    /// - Parameters:
    ///   - engines: What loads and runs models; a card names one of them.
    ///   - firstLoad: Where a version is loaded for the first time.
    package init(
        registry: Registry,
        engines: [any InferenceEngine],
        firstLoad: FirstLoad = .here,
        limits: ServingLimits = ServingLimits(),
        logger: Logger
    ) {
        let routes = Routes()
        let loader = Loader(
            engines: Dictionary(engines.map { ($0.name, $0) }, uniquingKeysWith: { $1 }),
            loopRunNs: limits.loopRunNs,
            meters: meters
        )
        self.routes = routes
        self.limits = limits
        executors = Executors(threads: limits.executorThreads)
        reconciler = Reconciler(
            registry: registry,
            loader: loader,
            firstLoad: firstLoad,
            routes: routes,
            limits: limits,
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
    }

    /// Runs a request and answers through its `completion`, from any thread, possibly before this
    /// call returns. From here the request holds its version, whatever happens to the alias.
    ///
    /// - Parameter loop: The caller's loop, on which the request is run if it is cheaper than a
    ///   hop to another thread; nil: it is not.
    package func predict(_ request: PredictionRequest<Bytes>, on loop: LoopRunner<Bytes>? = nil) {
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
                try enter(request, admission)
                enqueue(request, slot: slot, admission: admission, on: loop)
            case .version(let version):
                let id = VersionID(model: request.model, version: version)
                let slot = table.slot(id)
                if let slot { request.onRouted?(slot.meter.calls) }
                isRouted = slot != nil
                try enter(request, admission)
                guard let slot else {
                    return loadThenEnqueue(request, id: id, admission: admission)
                }
                slot.markUsed()
                enqueue(request, slot: slot, admission: admission, on: loop)
            }
        } catch {
            if !isRouted { countWithModel(request, table) }
            request.completion(.failure(error))
        }
    }

    /// Counts a request that fails before it has a version with its model, if there is one: what
    /// callers make up makes no series.
    private func countWithModel(_ request: PredictionRequest<Bytes>, _ table: RoutingTable) {
        guard table.models[request.model] != nil else { return }
        request.onRouted?(meters.model(request.model).calls)
    }

    /// The version that answers for a selector, loaded if it was asked for by number.
    /// - Throws: ``ServingError`` as a prediction would.
    package func slot(model: String, selector: VersionSelector) async throws -> Slot {
        let table = routes.current
        switch selector {
        case .alias(let alias):
            return try table.slot(model: model, alias: alias)
        case .version(let version):
            guard table.models[model] != nil else { throw ServingError.unknownModel(model) }
            return try await reconciler.pin(VersionID(model: model, version: version))
        }
    }

    /// Whether an alias can answer now.
    package func isReady(model: String, alias: String) -> Bool {
        (try? routes.current.slot(model: model, alias: alias)) != nil
    }

    /// Takes a place in the model's queue; who waits for a load stands in it too.
    private func enter(
        _ request: PredictionRequest<Bytes>,
        _ admission: Admission
    ) throws(ServingError) {
        try admission.enter(bytes: request.heldBytes, model: request.model, limits: limits)
    }

    private func enqueue(
        _ request: PredictionRequest<Bytes>,
        slot: Slot,
        admission: Admission,
        loadNs: UInt64 = 0,
        on loop: LoopRunner<Bytes>? = nil
    ) {
        let job = Job(request: request, slot: slot, admission: admission, loadNs: loadNs)
        if let loop, loop.take(job) { return }
        guard !executors.submit(job) else { return }
        admission.leave(bytes: request.heldBytes)
        request.completion(.failure(.stopping))
    }

    /// A boundary from the loop: loading takes longer than a request may hold one. There are as
    /// many of these tasks as the queue has places, and each ends with its load.
    private func loadThenEnqueue(
        _ request: PredictionRequest<Bytes>,
        id: VersionID,
        admission: Admission
    ) {
        let start = ContinuousClock.now
        Task {
            do throws(ServingError) {
                let slot = try await reconciler.pin(id)
                request.onRouted?(slot.meter.calls)
                let loadNs = (ContinuousClock.now - start).nanoseconds
                enqueue(request, slot: slot, admission: admission, loadNs: loadNs)
            } catch {
                admission.leave(bytes: request.heldBytes)
                countWithModel(request, routes.current)
                request.completion(.failure(error))
            }
        }
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
