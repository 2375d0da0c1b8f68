internal import Engine
internal import Glibc
internal import HTTP
package import Logging
internal import NIOCore
internal import NIOPosix
internal import RPC
internal import Registry
internal import Serving
internal import Synchronization
internal import TLS
internal import Tracing
internal import UnixSignals

/// A server on a home: what `strongroom serve` runs, from opening the registry to the last reply.
package struct RunningServer: Sendable {
    private let home: Home
    private let configuration: ServerConfiguration
    private let readyFile: String?
    private let trust: HomeTrust
    private let logger: Logger

    private let sandbox: SandboxCheck.Result
    private let access: AccessFile
    private let registry: Registry
    private let work: BlockingWork
    private let host: ModelHost
    private let tls: ReloadableTLSContext
    private let server: RPCServer
    private let replies: HeldReplies
    private let readiness: Readiness
    private let failures: FailureLog
    private let spans: SpanFile?
    /// Opened when the server has drained, or could not start.
    private let ended = Gate()

    /// Opens everything that can fail, so that a server which cannot work says so and ends.
    /// - Throws: ``ServerError``: one line that says what is wrong.
    package init(
        home: Home,
        configuration: ServerConfiguration,
        readyFile: String?,
        trust: HomeTrust = .strict,
        logger: Logger
    ) throws {
        Heaps.configure()
        // It takes as long as what follows, and another processor.
        let sandboxCheck = SandboxCheck.begin()
        self.home = home
        self.configuration = configuration
        self.readyFile = readyFile
        self.trust = trust
        self.logger = logger
        trust.log(to: logger)
        try home.checkAccess(trust)
        let readiness = Readiness()
        self.readiness = readiness

        let signers = try SignerPolicy(configuration.signatures, trust: trust)
        let keys = try HomeKeys.open(home, source: configuration.keys, trust: trust)
        registry = try HomeRegistry.open(home, keys: keys, trust: trust, logger: logger)
        registry.setSignerPolicy(signers)
        // Not before: until the registry is this server's, the address is that of another one.
        Files.remove(home.address)
        if let readyFile { Files.remove(readyFile) }
        access = try AccessFile(home.access, in: home.path, trust: trust, logger: logger)
        let engine = try Self.makeEngine()
        sandbox = try sandboxCheck.finish(
            isRequired: configuration.serving.isolation.requiresSandbox
        )
        work = BlockingWork()
        let hosts = EngineHosts(configuration.firstLoad, configuration.serving, logger: logger)
        hosts.prepare()
        host = ModelHost(
            registry: registry,
            engines: [engine],
            firstLoad: .inHosts(hosts),
            limits: configuration.serving,
            logger: logger
        )
        LibraryOutput.attribute { [host] in host.runningVersions() }
        tls = try Self.makeTLS(home, minimum: configuration.tlsMinimum, trust)
        Self.logRevocation(tls.current, to: logger)
        spans = try configuration.tracingFile.map { path in
            try SpanFile(path: path, trust: trust, logger: logger)
        }
        if let spans {
            let tracer = FileTracer(sink: spans, ratio: configuration.sampleRatio)
            InstrumentationSystem.bootstrap(tracer)
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let clamping = PriorityClamping()
        let router = try Self.makeRouter(
            access: access,
            registry: registry,
            work: work,
            host: host,
            loops: LoopRunners(group),
            limits: configuration.rpc,
            clamping: clamping,
            uploadsPerPrincipal: configuration.uploadsPerPrincipal,
            signingKeyFolder: keys.folder,
            readiness: readiness,
            tracing: spans == nil ? nil : CallTracing(InstrumentationSystem.tracer)
        )
        failures = router.failures
        let connections = ConnectionMeter()
        let replies = HeldReplies(limits: configuration.rpc)
        self.replies = replies
        let operators = OperatorRoutes(
            readiness: readiness,
            access: access,
            work: work,
            page: MetricsPage(
                serving: { [host] in host.figures },
                router: router,
                connections: connections,
                replies: replies,
                hasRegistryFault: { [registry] in registry.fault != nil },
                clamping: clamping
            ),
            unreadiness: { [host] in host.unreadiness(model: $0, alias: $1) },
            opensMetricsOnLoopback: configuration.metricsLoopback == .open
        )
        server = try RPCServer(
            router: router,
            limits: configuration.rpc,
            logger: logger,
            group: group,
            binding: HTTPBinding(router: HTTPRouter(operators.routes)),
            meter: connections,
            held: replies
        )
    }

    /// Serves until SIGTERM or SIGINT, then drains, also while the first loads are under way. A
    /// second signal ends the process at once.
    package func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        // Not a child task: a load cannot be interrupted, and the end does not wait for one.
        let starting = Task { await start() }
        let outcome = await withTaskGroup(of: Void.self) { group in
            group.addTask { await keepHouse() }
            group.addTask { await follow(signals) }
            let outcome = await ended.wait()
            group.cancelAll()
            return outcome
        }
        starting.cancel()
        removeAddress()
        await host.stop()
        try await work.stop()
        failures.flush(at: nil, to: logger)
        spans?.flush()
        let failure = registry.storageFailure
        // The process ends without destructors, whoever still holds the registry.
        registry.close()
        try outcome.get()
        if let failure {
            throw ServerError("the registry's storage failed and the server stopped: \(failure)")
        }
        logger.info("stopped")
    }

    /// Listens, makes the first loads, and says where the server is.
    private func start() async {
        do {
            let address = try await host.start { try await listen() }
            guard !readiness.isDraining.isSet else { return }
            readiness.isReconciled.set()
            try announce(address)
            // An end that began meanwhile may have removed the files before they were there.
            if readiness.isDraining.isSet { removeAddress() }
        } catch {
            // A server that drains takes no listener: that is no failure, and no news.
            if !readiness.isDraining.isSet { ended.open(.failure(error)) }
        }
    }

    private func listen() async throws -> ListenAddress {
        let wanted = configuration.listen
        let port: Int
        do {
            let bound = try await server.listen(host: wanted.host, port: wanted.port, tls: tls)
            port = bound.port ?? wanted.port
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ServerError(
                "\(wanted.text) is in use",
                hint: "another --listen, or port 0 for a free one"
            )
        } catch {
            throw ServerError("\(wanted.text) cannot be listened on: \(error)")
        }
        if let path = configuration.unixSocket {
            do {
                try await server.listen(unixSocket: path)
            } catch {
                throw ServerError("the unix socket \(path) cannot be listened on: \(error)")
            }
        }
        // Not before: a server that cannot start says why on one line, and nothing else.
        sandbox.log(to: logger)
        return ListenAddress(host: wanted.host, port: port).reachable
    }

    /// Writes the address where those look who want to call: last, when calls are answered.
    private func announce(_ address: ListenAddress) throws(ServerError) {
        let line = address.text + "\n"
        try Files.write(home.address, text: line, mode: 0o644)
        if let readyFile { try Files.write(readyFile, text: line, mode: 0o644) }
        logger.info("ready", metadata: ["address": "\(address.text)"])
    }

    private func removeAddress() {
        Files.remove(home.address)
        if let readyFile { Files.remove(readyFile) }
    }

    private func follow(_ signals: UnixSignalsSequence) async {
        await withTaskGroup(of: Void.self) { group in
            for await signal in signals {
                guard signal != .sighup else {
                    reload()
                    continue
                }
                // The second signal: whoever sends it will not wait for the calls that run.
                if readiness.isDraining.isSet { _exit(1) }
                readiness.isDraining.set()
                group.addTask {
                    await delayDrain()
                    await drain()
                }
            }
        }
    }

    /// Calls are served as before while load balancers learn that the server is not ready.
    private func delayDrain() async {
        let seconds = configuration.drainDelaySeconds
        guard seconds > 0 else { return }
        await prepareForEnd()
        logger.info("calls are served until the drain begins", metadata: ["seconds": "\(seconds)"])
        try? await Task.sleep(for: .seconds(seconds))
    }

    /// The process may be ended before its loads are: their versions are not to blame.
    private func prepareForEnd() async {
        await host.reconciler.prepareForEnd()
    }

    private func drain() async {
        logger.info("draining", metadata: ["seconds": "\(configuration.drainSeconds)"])
        await prepareForEnd()
        await server.drain(seconds: configuration.drainSeconds)
        ended.open()
    }

    private func reload() {
        access.reload()
        do {
            registry.setSignerPolicy(try SignerPolicy(configuration.signatures, trust: trust))
            logger.info(
                "publishers' keys were reloaded",
                metadata: ["keys": "\(configuration.signatures.count)"]
            )
        } catch {
            logger.error(
                "publishers' keys were not reloaded; the present ones stay",
                metadata: ["error": "\(error)"]
            )
        }
        do {
            try home.checkCertificateFolders(trust)
            try tls.reload()
            logger.info("certificates were reloaded")
            Self.logRevocation(tls.current, to: logger)
        } catch {
            logger.error(
                "certificates were not reloaded; the present ones stay",
                metadata: ["error": "\(error)"]
            )
        }
    }

    /// Grants, the storage and the log of failures are looked at each second, idle uploads each
    /// minute.
    private func keepHouse() async {
        var second = 0
        var isFaultLogged = false
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            second += 1
            access.reloadIfChanged()
            failures.flush(at: .now(), to: logger)
            if second.isMultiple(of: Self.replyMemorySeconds) { giveReplyMemoryBack() }
            if registry.storageFailure != nil, !readiness.isDraining.isSet {
                // Nothing is written any more: better no registry than one that only seems to be.
                readiness.isDraining.set()
                await drain()
            }
            if let fault = registry.fault, !isFaultLogged {
                isFaultLogged = true
                logger.error(
                    "\(fault): changes are refused until a restart or a restore",
                    metadata: ["hint": "run `strongroom verify`, then see docs/OPERATIONS.md"]
                )
            }
            guard second.isMultiple(of: 60) else { continue }
            let registry = registry
            do {
                _ = try await work.run { try registry.dropIdleUploads() }
            } catch {
                logger.warning(
                    "idle uploads could not be dropped",
                    metadata: ["error": "\(error)"]
                )
            }
        }
    }
}

extension RunningServer {
    /// Bytes of replies after which free memory is given back to the system.
    private static let replyMemoryBytes = 16 << 20
    /// How often that is looked at, in seconds.
    private static let replyMemorySeconds = 3

    /// Gives memory back that replies had which waited for their callers. The C library keeps it:
    /// in each thread's heap, and at the end of that up to ``Heaps/keptBytes``.
    private func giveReplyMemoryBack() {
        guard replies.takeReleased(atLeast: Self.replyMemoryBytes) else { return }
        host.giveMemoryBack()
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
            loop.execute { Heaps.trimOwn() }
        }
    }

    private static func makeRouter(
        access: AccessFile,
        registry: Registry,
        work: BlockingWork,
        host: ModelHost,
        loops: LoopRunners,
        limits: RPCLimits,
        clamping: PriorityClamping,
        uploadsPerPrincipal: Int,
        signingKeyFolder: String,
        readiness: Readiness,
        tracing: CallTracing?
    ) throws -> Router {
        func service(_ name: String) -> Service {
            Service(
                name: "strongroom.v1." + name,
                access: access,
                registry: registry,
                work: work,
                tracing: tracing
            )
        }
        let health = HealthService(service: service("Health"), host: host, readiness: readiness)
        let prediction = PredictionService(
            service: service("Prediction"),
            host: host,
            loops: loops,
            limits: limits,
            clamping: clamping
        )
        let control = RegistryService(
            service: service("Registry"),
            reconciler: host.reconciler,
            uploadsPerPrincipal: uploadsPerPrincipal
        )
        let maintenance = MaintenanceService(
            service: service("Maintenance"),
            signingKeyFolder: signingKeyFolder
        )
        return try Router(
            methods: health.methods + prediction.methods + control.methods
                + maintenance.methods,
            interceptors: [CertificateInterceptor(open: ["/strongroom.v1.Health/Check"])]
        )
    }

    private static func makeEngine() throws(ServerError) -> OnnxRuntime {
        do {
            return try OnnxRuntime()
        } catch {
            throw ServerError(
                "\(error.message) (\(error.detail))",
                hint: "make build fetches it; \(OnnxLibrarySearch.variable) names another file"
            )
        }
    }

    /// What a client that offers protocols must offer one of, so that one of another protocol ends
    /// in the handshake. The first byte decides, whatever was settled on.
    private static let applicationProtocols = ["ttrpc", "http/1.1"]

    /// Names the authorities below which every client is refused.
    private static func logRevocation(_ tls: TLSContext, to logger: Logger) {
        for warning in tls.revocationWarnings {
            logger.warning(
                "clients of an issuer are refused: tls/crl.pem holds no valid list of it",
                metadata: [
                    "tls.issuer": "\(warning.issuer)", "tls.crl": "\(warning.problem.text)",
                ]
            )
        }
    }

    private static func makeTLS(
        _ home: Home,
        minimum: TLSVersion,
        _ trust: HomeTrust
    ) throws(ServerError) -> ReloadableTLSContext {
        do {
            return try ReloadableTLSContext { () throws(TLSError) in
                let revocationList = home.revocationList
                return try TLSContext.server(
                    certificatePath: home.serverCertificate,
                    keyPath: home.serverKey,
                    clientAuthorityPath: home.authority,
                    revocationListPath: Files.isNamed(revocationList) ? revocationList : nil,
                    minimum: minimum,
                    alpn: applicationProtocols,
                    files: trust.rules
                )
            }
        } catch {
            throw ServerError(of: error, hint: "strongroom certs renew makes new certificates")
        }
    }
}

extension RevocationWarning.Problem {
    /// The state of the list, for the log.
    fileprivate var text: String {
        switch self {
        case .missing: "missing"
        case .expired(let unix): "expired at \(unix) (unix)"
        case .notYetValid(let unix): "not valid before \(unix) (unix)"
        }
    }
}
