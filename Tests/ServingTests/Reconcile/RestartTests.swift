import Engine
import EngineTesting
import Foundation
import Registry
import Testing
import Text

@testable import Serving

@Suite("Starting on a registry")
struct RestartTests {
    @Test("what answered before answers when the start returns")
    func restores() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("a1", model: "a")
            await world.host.stop()
            try await world.restarted { world async throws in
                #expect(try await world.answering() == 1)
                #expect(try await world.answering(model: "a") == 1)
            }
        }
    }

    @Test("a move that was pending at the end goes on")
    func resumes() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let gate = Gate()
            world.script("v2", FakeScript(loadGate: gate))
            let move = try await world.publish("v2")
            await gate.waitForArrivals(1)
            await world.host.stop()
            gate.open()
            #expect(await eventually { world.engine.loadedModels == 2 })
            #expect(try world.alias().version == 1)
            world.script("v2", FakeScript())
            try await world.restarted { world async throws in
                #expect(await world.outcome(of: move) == .served)
                #expect(try await world.answering() == 2)
            }
        }
    }

    @Test("a move that was settled before it was seen to be is served after the restart")
    func settledUnseen() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let move = try #require(try world.commit("v2").move)
            _ = try world.registry.settle(
                model: "m",
                alias: "live",
                generation: move.generation,
                outcome: .served
            )
            // The same without a restart: the next look at the alias finds it.
            await world.reconciler.aliasChanged(AliasID(model: "m", alias: "live"))
            let id = AliasID(model: "m", alias: "live")
            #expect(
                await world.reconciler.waitForMove(id, generation: move.generation)?.outcome
                    == .served
            )
            #expect(try await world.answering() == 2)
            try await world.restarted { world async throws in
                #expect(try await world.answering() == 2)
            }
        }
    }

    @Test("a first version that was rejected is known as such after a restart")
    func rejectedFirst() async throws {
        try await ServingWorld.with { world in
            world.script("v1", FakeScript(loadFailure: EngineError(.invalidModel, "it is broken")))
            try await world.publishAndWait("v1")
            try await world.restarted { world async throws in
                #expect(await world.refusal() == .failedPrecondition)
                #expect(world.engine.loads == 0)
            }
        }
    }

    @Test("a damaged version is told as such, and other models serve")
    func damaged() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("a1", model: "a")
            let others = try world.home.blobs()
            try await world.publishAndWait("v1")
            for blob in try world.home.blobs().subtracting(others) { try world.home.damage(blob) }
            try await world.restarted { world async throws in
                #expect(try await world.answering(model: "a") == 1)
                #expect(await world.refusal() == .dataLoss)
                #expect(await world.refusal(.version(1)) == .dataLoss)
                let info = try world.registry.version(model: "m", version: 1)
                #expect(info.state == .stored)
                // A move to it ends, though the registry calls it settled.
                let again = try await world.setAlias(1)
                guard case .rejected? = await world.outcome(of: again) else {
                    Issue.record("a damaged version was said to serve")
                    return
                }
                #expect(try await world.publishAndWait("v2") == .served)
                #expect(try await world.answering() == 2)
            }
        }
    }

    @Test("a move to a damaged version ends, and leaves what answers as it was")
    func moveToDamaged() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let others = try world.home.blobs()
            _ = try await world.store("v2")
            for blob in try world.home.blobs().subtracting(others) { try world.home.damage(blob) }
            guard case .rejected? = await world.outcome(of: try await world.setAlias(2)) else {
                Issue.record("a damaged version was said to serve")
                return
            }
            #expect(try await world.answering() == 1)
            #expect(try world.registry.version(model: "m", version: 2).state == .stored)
        }
    }

    @Test("a damaged file that only the engine reads is known as damage, and not tried again")
    func damagedOtherFile() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let before = try world.home.blobs()
            let weights = [UInt8](repeating: 7, count: 5_000)
            world.script("v2", FakeScript(reads: ["weights.bin"]))
            _ = try world.commit("v2", alias: nil, others: [("weights.bin", weights)])
            await world.reconciler.modelAdded("m")
            for blob in try world.home.blobs().subtracting(before)
            where try Data(contentsOf: URL(filePath: blob)).count > weights.count {
                try world.home.damage(blob)
            }
            let loads = world.engine.loads
            guard case .rejected(let reason)? = await world.outcome(of: try await world.setAlias(2))
            else {
                Issue.record("a damaged version was said to serve")
                return
            }
            #expect(reason.contains("file 'weights.bin': its stored bytes do not open"))
            #expect(try world.registry.version(model: "m", version: 2).state == .stored)
            #expect(await world.refusal(.version(2)) == .dataLoss)
            #expect(try await world.answering() == 1)
            // Whoever asks for it by number loads it; nobody else does, however often aliases are
            // looked at, though a pause between tries would be of no length here.
            let tried = world.engine.loads
            #expect(tried - loads <= 2)
            for _ in 0..<20 {
                await world.reconciler.aliasChanged(AliasID(model: "m", alias: "live"))
            }
            #expect(world.engine.loads == tried)
        }
    }

    @Test("a version that cannot be loaded at the start for a passing reason is tried again")
    func passingAtStart() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let gate = Gate(isOpen: true)
            let failure = EngineError(.unavailable, "no memory")
            world.script("v1", FakeScript(loadFailure: failure, loadGate: gate))
            try await world.restarted { world async throws in
                #expect(await world.refusal() == .unavailable)
                world.script("v1", FakeScript())
                #expect(await eventually { await world.refusal() == nil })
                #expect(try world.registry.version(model: "m", version: 1).state == .stored)
            }
        }
    }

    @Test("what answers is not rejected when it fails to load again, and answers once it loads")
    func liveFailsAgain() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let failure = EngineError(.unsupported, "another processor")
            world.script("v1", FakeScript(loadFailure: failure))
            try await world.restarted { world async throws in
                #expect(await world.refusal() == .failedPrecondition)
                // Neither by number nor by a validation, whose answer is that of this server.
                #expect(await world.refusal(.version(1)) == .failedPrecondition)
                let id = VersionID(model: "m", version: 1)
                #expect(
                    try await world.validate(id)
                        == .kept(reason: "another processor", aliases: ["live"])
                )
                let info = try world.registry.version(model: "m", version: 1)
                #expect(info.state == .stored && info.reason.isEmpty)
                #expect(await world.reconciler.status(of: id)?.load == .failed)
            }
            world.script("v1", FakeScript())
            try await world.restarted { world async throws in
                #expect(try await world.answering() == 1)
            }
        }
    }

    @Test("a rejected version is loaded at a start for the alias that answers with it alone")
    func rejectedLive() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try world.registry.reject(model: "m", version: 1, reason: "found wanting")
            _ = try await world.store("v2")
            try world.registry.reject(model: "m", version: 2, reason: "found wanting")
            try await world.restarted { world async throws in
                #expect(try await world.answering() == 1)
                #expect(await world.refusal(.version(2)) == .failedPrecondition)
                #expect(world.engine.loads == 1)
            }
        }
    }

    @Test("a start loads as many versions at once as there are processors")
    func parallel() async throws {
        try await ServingWorld.with { world in
            let models = (0..<Processors.count + 3).map { "m\($0)" }
            for model in models { try await world.publishAndWait(model, model: model) }
            let gate = Gate()
            for model in models { world.script(model, FakeScript(loadGate: gate)) }
            try await world.restarting { world in
                defer { gate.open() }
                await gate.waitForArrivals(Processors.count)
                for arrived in Processors.count..<models.count {
                    #expect(gate.arrived == arrived)
                    gate.release()
                    await gate.waitForArrivals(arrived + 1)
                }
            }
            // From then on one at a time.
            let held = Gate()
            try await world.restarted { world async throws in
                for entry in ["a", "b", "c"] {
                    world.script(entry, FakeScript(loadGate: held))
                    try await world.publish(entry, model: entry)
                }
                await held.waitForArrivals(1)
                for arrived in 1..<3 {
                    #expect(held.arrived == arrived)
                    held.release()
                    await held.waitForArrivals(arrived + 1)
                }
                held.open()
            }
        }
    }

    @Test("an alias answers as soon as its own version is loaded, while others still are")
    func readyOneByOne() async throws {
        try await ServingWorld.with { world in
            for model in ["a", "b"] { try await world.publishAndWait(model, model: model) }
            let gates = ["a": Gate(), "b": Gate()]
            for (model, gate) in gates { world.script(model, FakeScript(loadGate: gate)) }
            try await world.restarting { world in
                defer { for gate in gates.values { gate.open() } }
                // One of them is loading whatever the number of processors is.
                #expect(await eventually { gates.values.contains { $0.arrived == 1 } })
                let first = try #require(gates.first { $0.value.arrived == 1 }?.key)
                let other = first == "a" ? "b" : "a"
                #expect(await world.refusal(model: first) == .unavailable)
                gates[first]?.open()
                #expect(await eventually { await world.refusal(model: first) == nil })
                #expect(world.host.unreadiness(model: first, alias: "live") == nil)
                #expect(world.host.unreadiness(model: other, alias: "live")?.code == .unavailable)
            }
        }
    }

    @Test("a start loads no more at once than there is memory for, and all in the end")
    func memory() async throws {
        // Room for one load of the two that there could be.
        let room = LoadMemory.reserveBytes + LoadMemory.overheadBytes * 3 / 2
        let memory = SystemMemory { .init(residentBytes: 0, availableBytes: room) }
        try await ServingWorld.with(memory: memory) { world in
            let models = ["a", "b", "c"]
            for model in models { try await world.publishAndWait(model, model: model) }
            let gate = Gate()
            for model in models { world.script(model, FakeScript(loadGate: gate)) }
            try await world.restarting { world in
                defer { gate.open() }
                for arrived in 1..<models.count {
                    await gate.waitForArrivals(arrived)
                    #expect(gate.arrived == arrived)
                    gate.release()
                }
                await gate.waitForArrivals(models.count)
                gate.open()
                for model in models {
                    #expect(await eventually { await world.refusal(model: model) == nil })
                }
            }
        }
    }

    @Test("a change while the server starts is not undone by the start")
    func changeDuringStart() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            let gate = Gate()
            world.script("v2", FakeScript(loadGate: gate))
            world.script("v1", FakeScript(loadGate: gate))
            async let restarted: Void = world.restarted { world async throws in
                #expect(await eventually { (try? await world.answering()) == 1 })
            }
            await gate.waitForArrivals(1)
            // The start has read the alias already.
            _ = try world.registry.rollback(model: "m", alias: "live", principal: "cert:ann")
            gate.open()
            try await restarted
        }
    }
}
