import Engine
import EngineTesting
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("Loads in the server that do not end", .timeLimit(.minutes(1)))
struct AbandonedLoadTests {
    /// The place in which a load hangs.
    enum Hang: CaseIterable {
        case load
        /// A run that ends when it is told to.
        case warmUp, golden
        /// A run that never ends.
        case deafWarmUp, deafGolden

        func script(_ gate: Gate) -> FakeScript {
            switch self {
            case .load: FakeScript(loadGate: gate)
            case .warmUp, .golden: FakeScript(runGate: gate)
            case .deafWarmUp, .deafGolden:
                FakeScript(
                    answer: .compute { inputs throws(EngineError) in
                        gate.pass()
                        return [
                            OutputTensor(
                                name: "y",
                                type: inputs[0].type,
                                shape: inputs[0].shape,
                                bytes: inputs[0].bytes.copied()
                            )
                        ]
                    }
                )
            }
        }

        var golden: String? {
            guard self == .golden || self == .deafGolden else { return nil }
            let tensor = #"{"datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}"#
            func named(_ name: String) -> String {
                "{\"name\":\"\(name)\"," + tensor.dropFirst()
            }
            return "{\"inputs\":[\(named("x"))],\"outputs\":[\(named("y"))]}"
        }

        var step: LoadStep {
            switch self {
            case .load: .load
            case .warmUp, .deafWarmUp: .warmUp(attempt: 0)
            case .golden, .deafGolden: .golden("golden/one.json")
            }
        }

        /// Whether only its thread's loss ends the load.
        var isDeaf: Bool { self != .warmUp && self != .golden }
    }

    private let hosts = FakeHosts()
    private let gate = Gate()

    private func publish(_ hang: Hang, _ world: ServingWorld) async throws -> ServingWorld.Move {
        world.script("hang", hang.script(gate), warmUps: 0)
        let golden = hang.golden
        return try await world.publish(
            "hang",
            card: golden == nil ? "" : "golden: golden/*.json\n",
            golden: golden
        )
    }

    @Test(
        "a version whose load hangs is put into a host, and the log of loads counts no crash",
        arguments: Hang.allCases
    )
    func putIntoHost(hang: Hang) async throws {
        let log = RecordedLog()
        try await ServingWorld.with(
            firstLoad: hosts.firstLoad(seconds: 1),
            logger: log.logger
        ) { world in
            let move = try await publish(hang, world)
            #expect(await world.outcome(of: move) == .served)
            let end = hang.isDeaf ? "abandoned" : "stopped"
            let lines = log.lines("a load in the server was \(end)")
            #expect(lines.map { $0.metadata["model.version"] } == ["1"])
            let place = "its load did not end in 1 s \(hang.step.place)"
            #expect(lines.first?.metadata["reason"] == place)
            let slot = try await world.host.slot(
                model: "m",
                selector: .alias("live"),
                principal: "cert:ann"
            )
            let why = "its load in the server did not end in 1 s"
            #expect(slot.isolation == SlotIsolation(isHosted: true, why: why))
            #expect(hosts.purposes() == [.trial, .serving])
            #expect(hosts.calls.last?.isKnown == true)
            #expect(world.engine.loads == 1)
            #expect(await world.reconciler.abandonedLoads.count == (hang.isDeaf ? 1 : 0))
            let notes = try LoadNotes(
                world.registry.layout,
                registryKey: world.registry.cardKey,
                registryID: world.registry.registryID
            )
            let opened = try world.registry.open(model: "m", version: 1)
            #expect(await eventually { notes.hasOverrun(opened) && notes.crashes(of: opened) == 0 })
            // Another version of the same model is loaded in the server as before.
            #expect(try await world.publishAndWait("v2") == .served)
            #expect(world.engine.loads == 2)
            // The end of an abandoned load frees its model.
            gate.open()
            #expect(await eventually { world.engine.loadedModels == 1 })
            #expect(try await world.answering(.version(1)) == 1)
        }
    }

    @Test("other models are loaded while a load hangs", arguments: [Hang.load, .deafWarmUp])
    func others(hang: Hang) async throws {
        try await ServingWorld.with(firstLoad: hosts.firstLoad()) { world in
            let move = try await publish(hang, world)
            await gate.waitForArrivals(1)
            for entry in ["o1", "o2"] {
                #expect(try await world.publishAndWait(entry, model: "other") == .served)
            }
            #expect(await world.refusal() == .unavailable)
            gate.open()
            #expect(await world.outcome(of: move) == .served)
            #expect(world.engine.loads == 3 && hosts.purposes() == [.trial])
        }
    }

    @Test("after a restart the version is loaded in a host at once")
    func restart() async throws {
        try await ServingWorld.with(firstLoad: hosts.firstLoad(seconds: 1)) { world in
            #expect(await world.outcome(of: try await publish(.load, world)) == .served)
            let opened = try world.registry.open(model: "m", version: 1)
            #expect(await eventually { world.registry.loadNotes.hasOverrun(opened) })
            try await world.restarted { world async throws in
                #expect(try await world.answering() == 1)
                #expect(world.engine.loads == 0)
                let slot = try await world.host.slot(
                    model: "m",
                    selector: .alias("live"),
                    principal: "cert:ann"
                )
                #expect(slot.isolation.why == "an earlier load in the server went over a limit")
            }
            gate.open()
        }
    }

    @Test("a load that hangs at the start leaves other aliases alone, and so does the end")
    func start() async throws {
        try await ServingWorld.with(firstLoad: hosts.firstLoad()) { world in
            try await world.publishAndWait("hang")
            for number in 0..<4 { try await world.publishAndWait("o", model: "o\(number)") }
            world.script("hang", Hang.load.script(gate))
            try await world.restarting { world async throws in
                for number in 0..<4 {
                    let model = "o\(number)"
                    #expect(await eventually { await world.refusal(model: model) == nil })
                }
                // The end of the server does not wait for the load.
                let begin = ContinuousClock.now
                await world.reconciler.prepareForEnd()
                await world.host.stop()
                #expect(ContinuousClock.now - begin < .seconds(5))
                gate.open()
            }
        }
    }

    @Test(
        "without hosts a version whose load hangs is rejected, with the step",
        arguments: Hang.allCases
    )
    func rejected(hang: Hang) async throws {
        var limits = FirstLoadLimits()
        limits.seconds = 1
        let firstLoad = FirstLoad(
            hosts: nil,
            limits: limits,
            patience: LoadPatience(overtaking: .seconds(9), grace: .milliseconds(50))
        )
        try await ServingWorld.with(firstLoad: firstLoad) { world in
            let end = await world.outcome(of: try await publish(hang, world))
            guard case .rejected(let reason)? = end else {
                Issue.record("it was not rejected")
                return
            }
            #expect(reason.hasPrefix("its load did not end in 1 s and was ended "))
            #expect(reason.hasSuffix(hang.step.place))
            #expect(try await world.publishAndWait("v2") == .served)
            gate.open()
            #expect(await eventually { world.engine.loadedModels == 1 })
        }
    }

    @Test("with so many abandoned loads further versions go into hosts")
    func bound() async throws {
        try await ServingWorld.with(firstLoad: hosts.firstLoad(seconds: 1)) { world in
            world.script("hang", Hang.load.script(gate))
            var moves: [ServingWorld.Move] = []
            for number in 0..<Reconciler.maxAbandonedLoads {
                moves.append(try await world.publish("hang", model: "m\(number)"))
            }
            for move in moves { #expect(await world.outcome(of: move) == .served) }
            #expect(try await world.publishAndWait("v1", model: "further") == .served)
            let slot = try await world.host.slot(
                model: "further",
                selector: .alias("live"),
                principal: "cert:ann"
            )
            #expect(slot.isolation.why == "8 loads in the server were abandoned and go on")
            #expect(world.engine.loads == Reconciler.maxAbandonedLoads)
            gate.open()
            #expect(
                await eventually { await world.reconciler.abandonedLoads.allSatisfy(\.hasEnded) }
            )
            #expect(try await world.publishAndWait("v2", model: "further") == .served)
            #expect(world.engine.loads == Reconciler.maxAbandonedLoads + 1)
        }
    }

    @Test("a load in the server that takes too much memory is put into a host")
    func memory() async throws {
        let gate = gate
        let memory = SystemMemory {
            .init(
                residentBytes: gate.arrived > 0 ? 300 << 20 : 0,
                availableBytes: 1 << 40
            )
        }
        var firstLoad = hosts.firstLoad()
        var limits = firstLoad.limits
        limits.memoryBytes = 256 << 20
        firstLoad = FirstLoad(hosts: hosts, limits: limits, patience: firstLoad.patience)
        try await ServingWorld.with(memory: memory, firstLoad: firstLoad) { world in
            let move = try await publish(.load, world)
            #expect(await world.outcome(of: move) == .served)
            let slot = try await world.host.slot(
                model: "m",
                selector: .alias("live"),
                principal: "cert:ann"
            )
            #expect(slot.isolation.why == "its load in the server took more than 256 MiB of memory")
            gate.open()
        }
    }
}
