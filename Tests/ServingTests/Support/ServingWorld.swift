import Engine
import EngineTesting
import Foundation
import Logging
import Registry
import Sealing
import Serving
import Synchronization
import Testing

/// A registry, a fake engine whose models do what their entry file's text is scripted to, and a
/// host that serves them.
final class ServingWorld: Sendable {
    typealias Host = ModelHost

    let home: ServingHome
    let engine: FakeEngine
    let host: Host
    private let scripts: Scripts
    private let limits: ServingLimits
    private let memory: SystemMemory
    private let firstLoad: FirstLoad
    private let logger: Logger

    var registry: Registry { home.registry }
    var reconciler: Reconciler { host.reconciler }

    /// What each model does, by the text of its entry file; what is not scripted echoes.
    final class Scripts: Sendable {
        private let scripts = Mutex<[String: FakeScript]>([:])

        subscript(entry: String) -> FakeScript {
            get { scripts.withLock { $0[entry] } ?? FakeScript(echoesWhileLoading: true) }
            set { scripts.withLock { $0[entry] = newValue } }
        }
    }

    private init(
        home: ServingHome,
        scripts: Scripts,
        limits: ServingLimits,
        memory: SystemMemory,
        firstLoad: FirstLoad,
        logger: Logger
    ) {
        self.home = home
        self.scripts = scripts
        self.limits = limits
        self.memory = memory
        self.firstLoad = firstLoad
        self.logger = logger
        let engine = FakeEngine(name: "onnxruntime") { entry in
            scripts[String(decoding: entry, as: UTF8.self)]
        }
        self.engine = engine
        host = Host(
            registry: home.registry,
            engines: [engine],
            firstLoad: firstLoad,
            limits: limits,
            memory: memory,
            logger: logger
        )
    }

    /// Runs a test on a started host, which is stopped afterwards.
    static func with(
        memory: SystemMemory = .system,
        firstLoad: FirstLoad = .here,
        logger: Logger = Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() }),
        limits change: (inout ServingLimits) -> Void = { _ in },
        _ body: (ServingWorld) async throws -> Void
    ) async throws {
        var limits = ServingLimits()
        limits.executorThreads = 4
        limits.loadRetrySeconds = 0
        // The measurement would run a model more often than scripts count on.
        limits.loopRunNs = 0
        change(&limits)
        let world = try ServingWorld(
            home: ServingHome(),
            scripts: Scripts(),
            limits: limits,
            memory: memory,
            firstLoad: firstLoad,
            logger: logger
        )
        try await world.run(body)
    }

    /// Runs a part of a test on another host on the same registry, as after a restart.
    func restarted(_ body: (ServingWorld) async throws -> Void) async throws {
        let next = again()
        try await next.run(body)
    }

    /// As ``restarted(_:)``, with the part of the test run while the host starts: it must let the
    /// loads that it holds go on.
    func restarting(_ body: (ServingWorld) async throws -> Void) async throws {
        let next = again()
        async let start: Void = next.host.start()
        let result: Result<Void, any Error>
        do {
            try await body(next)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await start
        await next.host.stop()
        try result.get()
    }

    private func again() -> ServingWorld {
        ServingWorld(
            home: home,
            scripts: scripts,
            limits: limits,
            memory: memory,
            firstLoad: firstLoad,
            logger: logger
        )
    }

    private func run(_ body: (ServingWorld) async throws -> Void) async throws {
        try await host.start()
        do {
            try await body(self)
        } catch {
            await host.stop()
            throw error
        }
        await host.stop()
    }

    /// Says what a model does.
    /// - Parameter warmUps: 0: the script holds for the loader's own runs as well.
    func script(_ entry: String, _ script: FakeScript, warmUps: Int = 1) {
        var script = script
        script.echoesWhileLoading = warmUps > 0
        scripts[entry] = script
    }

    // MARK: - The registry's side

    /// Publishes a version whose entry file has this text; nothing follows yet.
    func commit(
        _ entry: String,
        model: String = "m",
        alias: String? = "live",
        card: String = "",
        golden: String? = nil,
        others: [(String, [UInt8])] = []
    ) throws -> Committed {
        // Requests are merged only where a test asks for it.
        let alone = card.contains("batching:") ? "" : "batching: {mode: off}\n"
        let cardText = "format: 1\nengine: onnxruntime\nentry: model.bin\n" + alone + card
        var files = [("model.yaml", Array(cardText.utf8)), ("model.bin", Array(entry.utf8))]
        if let golden { files.append(("golden/one.json", Array(golden.utf8))) }
        files += others
        return try home.publish(files, model: model, alias: alias)
    }

    /// Publishes through an alias, and begins to follow the move.
    @discardableResult
    func publish(
        _ entry: String,
        model: String = "m",
        alias: String = "live",
        card: String = "",
        golden: String? = nil
    ) async throws -> Move {
        let committed = try commit(entry, model: model, alias: alias, card: card, golden: golden)
        await reconciler.modelAdded(model)
        let info = try #require(committed.move)
        let move = Move(
            alias: AliasID(model: model, alias: alias),
            version: committed.version.version,
            generation: info.generation
        )
        await reconciler.aliasChanged(move.alias)
        return move
    }

    /// As ``publish(_:model:alias:card:golden:)``, and waits for its end.
    @discardableResult
    func publishAndWait(
        _ entry: String,
        model: String = "m",
        card: String = "",
        golden: String? = nil
    ) async throws -> MoveOutcome? {
        await outcome(of: try await publish(entry, model: model, card: card, golden: golden))
    }

    /// Publishes without an alias.
    func store(_ entry: String, model: String = "m") async throws -> VersionID {
        let committed = try commit(entry, model: model, alias: nil)
        await reconciler.modelAdded(model)
        return VersionID(model: model, version: committed.version.version)
    }

    func setAlias(
        _ version: UInt64,
        alias: String = "live",
        overrides: MoveOverrides = MoveOverrides()
    ) async throws -> Move {
        let change = try registry.setAlias(
            model: "m",
            alias: alias,
            version: version,
            overrides: overrides,
            principal: "cert:ann"
        )
        return try await follow(change)
    }

    func rollback() async throws -> Move {
        try await follow(registry.rollback(model: "m", alias: "live", principal: "cert:ann"))
    }

    private func follow(_ change: AliasChange) async throws -> Move {
        let move = Move(
            alias: AliasID(model: "m", alias: change.alias.name),
            version: change.alias.targetVersion,
            generation: change.alias.generation
        )
        await reconciler.aliasChanged(move.alias)
        return move
    }

    func outcome(of move: Move) async -> MoveOutcome? { await end(of: move)?.outcome }

    func end(of move: Move) async -> MoveEnd? {
        await reconciler.waitForMove(move.alias, generation: move.generation)
    }

    func validate(_ id: VersionID) async throws -> Validation? {
        try await reconciler.validate(id, principal: "cert:ann")
    }

    func alias(_ name: String = "live", model: String = "m") throws -> AliasInfo {
        try registry.alias(model: model, alias: name)
    }

    /// A move that was asked for.
    struct Move: Sendable {
        let alias: AliasID
        let version: UInt64
        let generation: UInt64
    }
}

/// Waits until something holds that no gate tells of: what a thread does after its last answer.
func eventually(_ condition: @Sendable () async -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
        if await condition() { return true }
        await Task.yield()
    }
    return await condition()
}
