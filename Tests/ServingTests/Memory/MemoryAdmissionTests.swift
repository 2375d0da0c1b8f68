import Engine
import EngineTesting
import Registry
import Serving
import Synchronization
import Testing

@Suite("Loads and the memory that there is")
struct MemoryAdmissionTests {
    /// Memory in which each loaded model takes a share, so that what leaves comes back.
    private final class Room: Sendable {
        static let mebibyte: UInt64 = 1 << 20
        /// Above what a load of a few bytes needs, and what is left to the system.
        static let load = 100 * mebibyte
        private let engine = Mutex<FakeEngine?>(nil)
        private let models = Mutex(Int.max)

        /// From here on there is room for so many models of the engine at once.
        func hold(_ count: Int, of engine: FakeEngine) {
            self.engine.withLock { $0 = engine }
            models.withLock { $0 = count }
        }

        var system: SystemMemory {
            SystemMemory {
                let loaded = self.engine.withLock { $0?.loadedModels ?? 0 }
                let left = self.models.withLock { $0 } - loaded
                let available = UInt64(clamping: left).multipliedReportingOverflow(by: Self.load)
                return .init(
                    residentBytes: 0,
                    availableBytes: available.overflow ? .max : available.partialValue
                )
            }
        }
    }

    private let room = Room()

    @Test("what is kept for a rollback leaves first, and the rollback then loads it")
    func warmLeaves() async throws {
        try await ServingWorld.with(memory: room.system) { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            try await world.publishAndWait("o1", model: "other")
            #expect(world.engine.loadedModels == 3)
            room.hold(3, of: world.engine)
            _ = try await world.store("v3")
            #expect(try await world.answering(.version(3)) == 3)
            #expect(world.engine.loadedModels == 3)
            let first = VersionID(model: "m", version: 1)
            #expect(await world.reconciler.status(of: first) == nil)
            // Version 3 runs nothing, so it leaves in its turn.
            let loads = world.engine.loads
            let move = try await world.rollback()
            #expect(await world.outcome(of: move) == .served)
            #expect(world.engine.loads == loads + 1)
            #expect(try await world.answering() == 1)
        }
    }

    @Test("of warm versions the one leaves that was left the longest ago")
    func oldestLeaves() async throws {
        try await ServingWorld.with(memory: room.system) { world in
            for model in ["a", "b"] { try await world.publishAndWait(model + "1", model: model) }
            for model in ["b", "a"] { try await world.publishAndWait(model + "2", model: model) }
            room.hold(4, of: world.engine)
            try await world.publishAndWait("c1", model: "c")
            let left = [VersionID(model: "a", version: 1), VersionID(model: "b", version: 1)]
            #expect(await world.reconciler.status(of: left[0])?.load == .ready)
            #expect(await world.reconciler.status(of: left[1]) == nil)
        }
    }

    @Test("a load on demand is refused when nothing can leave, and succeeds when there is room")
    func onDemand() async throws {
        try await ServingWorld.with(memory: room.system) { world in
            try await world.publishAndWait("v1")
            _ = try await world.store("v2")
            room.hold(1, of: world.engine)
            let refused = await world.predict(.version(2))
            guard case .failure(let error) = refused else {
                Issue.record("it was loaded")
                return
            }
            #expect(error.code == .resourceExhausted)
            #expect(error.message.contains("loading version 2 of model 'm' needs about 16777"))
            #expect(error.message.hasSuffix(" are free"))
            #expect(try world.registry.version(model: "m", version: 2).state == .stored)
            room.hold(2, of: world.engine)
            #expect(try await world.answering(.version(2)) == 2)
        }
    }

    @Test("a version that runs something does not leave for a load")
    func busyStays() async throws {
        try await ServingWorld.with(memory: room.system) { world in
            try await world.publishAndWait("v1")
            let gate = Gate()
            world.script("v2", FakeScript(runGate: gate))
            for entry in ["v2", "v3"] { _ = try await world.store(entry) }
            let request = world.begin(.version(2))
            await gate.waitForArrivals(1)
            room.hold(2, of: world.engine)
            #expect(await world.refusal(.version(3)) == .resourceExhausted)
            gate.open()
            #expect(try await request.value.get().version == 2)
            #expect(await eventually { await world.refusal(.version(3)) == nil })
        }
    }

    @Test("a move for which there is no memory is tried again and rejects nothing")
    func moveWaits() async throws {
        try await ServingWorld.with(memory: room.system) { world in
            try await world.publishAndWait("v1")
            room.hold(1, of: world.engine)
            let move = try await world.publish("v2")
            #expect(try await world.answering() == 1)
            #expect(try world.alias().targetVersion == 2)
            #expect(try world.registry.version(model: "m", version: 2).state == .stored)
            room.hold(2, of: world.engine)
            #expect(await world.outcome(of: move) == .served)
            #expect(try await world.answering() == 2)
        }
    }

    @Test("with keep_previous off nothing stays for a rollback")
    func keepsNothing() async throws {
        try await ServingWorld.with {
            $0.keepsPrevious = false
        } _: { world in
            try await world.publishAndWait("v1")
            try await world.publishAndWait("v2")
            #expect(await eventually { world.engine.loadedModels == 1 })
            let move = try await world.rollback()
            #expect(await world.outcome(of: move) == .served)
            #expect(world.engine.loads == 3)
            #expect(await eventually { world.engine.loadedModels == 1 })
        }
    }
}
