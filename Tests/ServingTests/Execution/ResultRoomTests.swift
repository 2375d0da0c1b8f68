import EngineTesting
import Synchronization
import Testing

@testable import Serving

@Suite("Room for results")
struct ResultRoomTests {
    /// A caller that has as many bytes of room as the test says.
    private final class Room: ResultRoom {
        let bytes = Atomic(0)
        let waiting = Mutex<[@Sendable () -> Void]>([])

        func reserve(resultBytes count: Int) -> Bool { count <= bytes.load(ordering: .relaxed) }

        func wait(
            forResultBytes bytes: Int,
            holding held: Int,
            _ again: @escaping @Sendable () -> Void
        ) {
            waiting.withLock { $0.append(again) }
        }

        func goOn() { for again in waiting.withLock({ $0 }) { again() } }
    }

    @Test("a request without room for its result is not run and has no place in the queue")
    func waits() async throws {
        try await ServingWorld.with { world in
            try await world.publishAndWait("v1")
            let runs = world.engine.runs
            let room = Room()
            let pending = world.begin(room: room)
            #expect(room.waiting.withLock { $0.count } == 1)
            #expect(world.host.figures.queues.allSatisfy { $0.requests == 0 })
            #expect(world.engine.runs == runs)
            room.bytes.store(1 << 20, ordering: .relaxed)
            room.goOn()
            #expect(try await pending.value.get().version == 1)
        }
    }

    @Test("a queued request whose caller has no room any more leaves its place, and comes back")
    func leaves() async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
        } _: { world in
            let gate = Gate()
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("v1")
            let first = world.begin()
            await gate.waitForArrivals(1)
            let room = Room()
            room.bytes.store(1 << 20, ordering: .relaxed)
            let queued = world.begin(room: room)
            // The size that was measured meanwhile needs more room than there is.
            room.bytes.store(0, ordering: .relaxed)
            gate.open()
            #expect(try await first.value.get().version == 1)
            while room.waiting.withLock({ $0.isEmpty }) { await Task.yield() }
            #expect(!queued.isAnswered)
            #expect(world.host.figures.queues.allSatisfy { $0.requests == 0 })
            room.bytes.store(1 << 20, ordering: .relaxed)
            room.goOn()
            #expect(try await queued.value.get().version == 1)
        }
    }
}
