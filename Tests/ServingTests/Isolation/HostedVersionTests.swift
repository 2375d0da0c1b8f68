import Engine
import EngineTesting
import Registry
import Testing

@testable import Serving

@Suite("Versions in engine hosts", .timeLimit(.minutes(1)))
struct HostedVersionTests {
    private static let risky = IsolationVerdict.needsHost(why: "it divides", node: "node 'd'")
    private static let hosted = FakeScript(isolation: risky)
    private let hosts = FakeHosts()

    /// The result of `body`, called with a version "risky" that runs in a host and others that do not.
    private func with(
        memory: SystemMemory = .system,
        limits: (inout ServingLimits) -> Void = { _ in },
        _ body: (ServingWorld) async throws -> Void
    ) async throws {
        try await ServingWorld.with(
            memory: memory,
            firstLoad: hosts.firstLoad(),
            limits: limits
        ) { world in
            world.script("risky", Self.hosted)
            try await body(world)
        }
    }

    private func slot(_ world: ServingWorld, model: String = "m") async throws -> Slot {
        try await world.host.slot(model: model, selector: .alias("live"), principal: "cert:ann")
    }

    @Test("a version that is safe is examined in a host first, and then loaded in the server")
    func server() async throws {
        try await with { world in
            #expect(try await world.publishAndWait("v1") == .served)
            #expect(hosts.purposes() == [.trial])
            #expect(world.engine.loads == 1 && hosts.engine.loadedModels == 0)
            let isolation = try await slot(world).isolation
            #expect(!isolation.isHosted && isolation.mode == "none")
            #expect(try await world.answering() == 1)
            #expect(world.engine.runs == 1)
        }
    }

    @Test("a version that needs a host is loaded once, in the host that serves it")
    func host() async throws {
        try await with { world in
            #expect(try await world.publishAndWait("risky") == .served)
            #expect(hosts.purposes() == [.serving])
            #expect(world.engine.loads == 0 && hosts.engine.loads == 1)
            let slot = try await slot(world)
            #expect(
                slot.isolation == SlotIsolation(isHosted: true, why: "it divides", node: "node 'd'")
            )
            #expect(slot.cost.onLoop(rows: 1, isFirst: true) == nil)
            #expect(try await world.answering() == 1)
            #expect(hosts.engine.runs == 1 && world.engine.runs == 0)
        }
    }

    @Test(
        "the log says of a hosted version that goes live where it runs and why, and of others not"
    )
    func log() async throws {
        let log = RecordedLog()
        try await ServingWorld.with(firstLoad: hosts.firstLoad(), logger: log.logger) { world in
            world.script("risky", Self.hosted)
            try await world.publishAndWait("risky")
            try await world.publishAndWait("v2")
            let lines = log.lines("a version went live")
            let told = ["isolation", "isolation.why", "isolation.node"].map { key in
                lines.map { $0.metadata[key] }
            }
            #expect(told == [["process", nil], ["it divides", nil], ["node 'd'", nil]])
            #expect(lines.map { $0.metadata["model.name"] } == ["m", "m"])
            #expect(lines.map { $0.metadata["model.version"] } == ["1", "2"])
        }
    }

    @Test("with isolation.minimum process every version runs in a host")
    func minimum() async throws {
        try await with(limits: { $0.isolation.minimum = .process }) { world in
            try await world.publishAndWait("v1")
            #expect(hosts.purposes() == [.serving] && world.engine.loads == 0)
        }
    }

    @Test("a version that fails in a host is rejected, or tried again if the failure may pass")
    func fails() async throws {
        try await with { world in
            hosts.fail(.rejected(reason: "it crashed", detail: ""))
            for (model, entry) in [("a", "v1"), ("b", "risky")] {
                let end = try await world.publishAndWait(entry, model: model)
                #expect(end == .rejected(reason: "it crashed"))
            }
            #expect(world.engine.loads == 0)
            hosts.fail(.passing(ServingError(.unavailable, "no process")))
            let moves = [
                try await world.publish("v1", model: "c"),
                try await world.publish("risky", model: "d"),
            ]
            #expect(await eventually { hosts.purposes(of: "d").count > 1 })
            hosts.fail(nil)
            for move in moves { #expect(await world.outcome(of: move) == .served) }
        }
    }

    @Test("after a restart a known version has no trial, wherever it runs")
    func restart() async throws {
        try await with { world in
            try await world.publishAndWait("v1", model: "safe")
            try await world.publishAndWait("risky")
            try await world.restarted { world async throws in
                #expect(hosts.purposes(of: "safe") == [.trial])
                #expect(hosts.purposes() == [.serving, .serving])
                #expect(world.engine.loads == 1)
                #expect(try await world.answering() == 1)
                #expect(try await world.answering(model: "safe") == 1)
            }
        }
    }

    @Test("a version that is loaded again brings the findings of its last load to its host")
    func known() async throws {
        try await with(limits: { $0.keepsPrevious = false }) { world in
            try await world.publishAndWait("risky")
            try await world.publishAndWait("v2")
            #expect(await eventually { hosts.engine.loadedModels == 0 })
            #expect(await world.outcome(of: try await world.rollback()) == .served)
            let id = VersionID(model: "m", version: 1)
            let calls = hosts.calls.filter { $0.id == id }
            #expect(calls.map(\.isKnown) == [false, true])
        }
    }

    @Test("letting go of a version ends its host, and its bytes are not counted any more at once")
    func release() async throws {
        try await with(limits: { $0.keepsPrevious = false }) { world in
            try await world.publishAndWait("risky")
            try await world.publishAndWait("v2")
            #expect(
                await eventually {
                    let bytes = world.host.figures.versions.first?.loadedBytes
                    return hosts.engine.loadedModels == 0 && bytes == 0
                }
            )
        }
    }

    @Test("a loaded version is validated by a trial beside its host, and a broken one is kept")
    func validation() async throws {
        try await with { world in
            try await world.publishAndWait("risky")
            let id = VersionID(model: "m", version: 1)
            #expect(try await world.validate(id) == .passed)
            #expect(hosts.purposes() == [.serving, .trial])
            hosts.fail(.rejected(reason: "no locale", detail: ""))
            let verdict = try await world.validate(id)
            #expect(verdict == .kept(reason: "no locale", aliases: ["live"]))
            #expect(try await world.answering() == 1)
            #expect(world.engine.loads == 0)
        }
    }

    @Test("a host's claim merges requests only where the server's own analysis allows it")
    func claims() async throws {
        hosts.claim(
            VersionFindings(
                plan: BatchPlan(isMerged: true, why: "merge me", maxRows: 9_999, maxDelayUs: 7),
                isDeterministic: true
            )
        )
        try await with { world in
            let merging = "batching: {mode: auto, max_rows: 32}\n"
            try await world.publishAndWait("risky", model: "proved", card: merging)
            let proved = try await slot(world, model: "proved")
            #expect(proved.plan.isMerged && proved.plan.maxRows == 32)
            #expect(proved.plan.maxDelayUs == 0 && proved.isDeterministic)
            var script = Self.hosted
            script.rowAnalysis = RowAnalysis(
                independence: .unproved(reason: "it adds up rows"),
                precision: .exact,
                randomNode: "node 'r'"
            )
            world.script("mixing", script)
            try await world.publishAndWait("mixing", model: "unproved", card: merging)
            let unproved = try await slot(world, model: "unproved")
            #expect(!unproved.plan.isMerged && !unproved.isDeterministic)
        }
    }

    @Test(
        "requests wait side by side whatever number of rows a host claims",
        arguments: [true, false]
    )
    func extremeClaims(isMerged: Bool) async throws {
        hosts.claim(
            VersionFindings(
                plan: BatchPlan(
                    isMerged: isMerged,
                    why: "w",
                    maxRows: .max,
                    maxDelayUs: .max,
                    checkMs: .max
                ),
                isDeterministic: true
            )
        )
        try await with { world in
            try await world.publishAndWait(
                "risky",
                model: "proved",
                card: "batching: {mode: auto}\n"
            )
            let slot = try await slot(world, model: "proved")
            #expect(slot.plan.maxRows == (isMerged ? 64 : 1) && slot.plan.maxDelayUs == 0)
            let bench = try BatchBench(FakeScript(), plan: slot.plan)
            var queue = BatchQueue()
            for id in 1...3 { queue.add(bench.job(id, first: Float(id))) }
            var left = 0
            while let taken = queue.take() { left += taken.batch.count }
            #expect(left == 3)
        }
    }

    @Test("first loads that hang hold up no other model's, and of one model one runs at once")
    func hangs() async throws {
        try await with { world in
            hosts.gate.close()
            var moves: [ServingWorld.Move] = []
            for model in ["a", "b", "c"] {
                moves.append(try await world.publish("risky", model: model))
            }
            moves.append(try await world.publish("risky", model: "a", alias: "canary"))
            await hosts.gate.waitForArrivals(3)
            let safe = try await world.publish("v1", model: "safe")
            await hosts.gate.waitForArrivals(4)
            #expect(hosts.purposes(of: "a") == [.serving] && hosts.purposes(of: "safe") == [.trial])
            hosts.gate.open()
            for move in moves + [safe] { #expect(await world.outcome(of: move) == .served) }
        }
    }

    @Test("a hosted load teaches what the next version of its model needs")
    func learns() async throws {
        let mebibyte: UInt64 = 1 << 20
        let hosts = hosts
        let memory = SystemMemory {
            let loaded = UInt64(hosts.engine.loadedModels)
            return .init(
                residentBytes: 100 * mebibyte + loaded * 64 * mebibyte,
                availableBytes: loaded == 0 ? 10_000 * mebibyte : 64 * mebibyte
            )
        }
        try await with(memory: memory, limits: { $0.loadRetrySeconds = 60 }) { world in
            // A file is published in one chunk.
            let large = (0..<16).map { ("data\($0)", [UInt8](repeating: 7, count: 1 << 20)) }
            _ = try world.commit("risky", others: large)
            await world.reconciler.modelAdded("m")
            await world.reconciler.aliasChanged(AliasID(model: "m", alias: "live"))
            #expect(await eventually { await world.refusal() == nil })
            _ = try world.commit("v2", alias: nil, others: large)
            guard case .failure(let error) = await world.predict(.version(2)) else {
                Issue.record("it was loaded")
                return
            }
            // About four bytes for each byte of its files, in place of three.
            let need = error.message.split(separator: " ").compactMap { UInt64($0) }.max() ?? 0
            #expect((79 * mebibyte...81 * mebibyte).contains(need), "\(error.message)")
        }
    }
}
