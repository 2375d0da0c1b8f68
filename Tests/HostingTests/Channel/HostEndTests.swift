import Engine
import EngineTesting
import Foundation
import Synchronization
import Testing
import Text

@testable import Hosting

@Suite("Ends of hosts and of runs")
struct HostEndTests {
    private static func outcome(
        _ channel: HostChannel,
        stop: RunStop? = nil
    ) async throws -> EngineError {
        try await onThread {
            try engineError { _ = try channel.run([rows(1)], of: .rows(), stop: stop) }
        }
    }

    static let ends: [(HostEnd, EngineError.Code, String)] = [
        (
            .killed(SIGFPE), .processEnded,
            "the model's process ended while it ran this input (SIGFPE)"
        ),
        (
            .exited(3), .processEnded,
            "the model's process ended while it ran this input (exit status 3)"
        ),
        (
            .forbidden("openat"), .processEnded,
            "the model's process ended while it ran this input (forbidden system call openat)"
        ),
        (.killed(SIGKILL), .processLost, HostEnd.lost.message),
        (.killed(SIGTERM), .processLost, HostEnd.lost.message),
        (.released, .processLost, HostEnd.lost.message),
        (.overTime, .processLost, HostEnd.lost.message),
        (.lied(""), .processLost, HostEnd.lost.message),
    ]

    @Test(
        "A host that ends in a run fails it by the way it ended, and all later ones",
        arguments: ends
    )
    func endInRun(end: HostEnd, code: EngineError.Code, message: String) async throws {
        let hasBegun = CountingSemaphore()
        let host = try PlayedHost { _, _, _ in hasBegun.signal() }
        async let outcome = Self.outcome(host.channel)
        try await onThread { hasBegun.wait() }
        host.channel.ended(end)
        // The first end counts.
        host.channel.ended(.killed(SIGSEGV))
        let error = try await outcome
        #expect(error.code == code)
        #expect(error.message == message)
        let later = try await Self.outcome(host.channel)
        #expect(later.code == .processLost)
    }

    @Test("A host that ends before it has begun with a run is not charged to it")
    func endBeforeRun() async throws {
        let host = try PlayedHost { lane, _, number in lane.store(.begun, number &- 1) }
        async let outcome = Self.outcome(host.channel)
        try await Task.sleep(for: .milliseconds(50))
        host.channel.ended(.killed(SIGSEGV))
        #expect(try await outcome.code == .processLost)
    }

    @Test("An end that races with runs on all lanes leaves no run waiting")
    func racingEnd() async throws {
        for round in 0..<30 {
            let host = try TestHost(fakeModel(FakeScript()), ringBytes: 4_096, lanes: 2)
            let failed = try await withThrowingTaskGroup(of: EngineError.Code.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await onThread {
                            while true {
                                do {
                                    _ = try host.channel.run([rows(100)], of: .rows())
                                } catch let error as EngineError {
                                    return error.code
                                }
                            }
                        }
                    }
                }
                _ = try await onThread { usleep(UInt32(round * 100)) }
                host.channel.ended(.killed(SIGSEGV))
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(failed.count == 4)
            #expect(failed.allSatisfy { [.processEnded, .processLost].contains($0) })
            #expect(host.budget.taken == 0)
        }
    }

    @Test("A host that ends while it asks for room, or copies, fails the run")
    func endWhileCopying() async throws {
        let copies = CountingSemaphore()
        let host = try PlayedHost { lane, _, number in
            guard LaneRequest(reading: lane).kind == .run else { return copies.signal() }
            LaneReply.write(needingRoom: 1_000, to: lane)
            lane.reply(number)
        }
        async let outcome = Self.outcome(host.channel)
        try await onThread { copies.wait() }
        host.channel.ended(.killed(SIGBUS))
        #expect(try await outcome.code == .processEnded)
    }

    @Test("A host that takes no frame for an area is ended, and the run is not to blame")
    func noFrameTaken() async throws {
        let host = try PlayedHost(ringBytes: 0) { _, _, _ in }
        host.control.shutDown()
        #expect(try await Self.outcome(host.channel).code == .processLost)
        #expect(host.killed.current != nil)
        #expect(host.budget.taken == 0)
    }

    @Test("A stopped run ends in the host, and the host goes on to serve")
    func stoppedRun() async throws {
        let gate = Gate()
        let host = try TestHost(fakeModel(FakeScript(runGate: gate)))
        let stop = RunStop()
        async let outcome = Self.outcome(host.channel, stop: stop)
        await gate.waitForArrivals(1)
        stop.stop()
        #expect(try await outcome.code == .terminated)
        gate.open()
        #expect(
            try await onThread { try host.channel.run([rows(1)], of: .rows(), stop: RunStop()) }
                .count == 1
        )
        #expect(host.killed.current == nil)
    }

    @Test("A run that was stopped before it began never reaches the host")
    func stoppedBefore() async throws {
        let host = try PlayedHost { _, _, _ in Issue.record("the host got a request") }
        let stop = RunStop()
        stop.stop()
        #expect(try await Self.outcome(host.channel, stop: stop).code == .terminated)
    }

    @Test("A run whose limit is past never reaches the host")
    func limitBefore() async throws {
        let host = try PlayedHost { _, _, _ in Issue.record("the host got a request") }
        let stop = RunStop(endsAtNs: MonotonicTime.nowNs)
        #expect(try await Self.outcome(host.channel, stop: stop).code == .overTime)
        #expect(host.killed.current == nil)
    }

    @Test("A run at its limit is told to end; if it does, the host stays")
    func limitThatEndsTheRun() async throws {
        let gate = Gate()
        let host = try TestHost(fakeModel(FakeScript(runGate: gate)))
        let stop = RunStop(endsAtNs: MonotonicTime.nowNs + 100_000_000)
        #expect(try await Self.outcome(host.channel, stop: stop).code == .overTime)
        #expect(MonotonicTime.nowNs >= stop.endsAtNs ?? 0)
        #expect(host.killed.current == nil)
        gate.open()
        #expect(try await onThread { try host.channel.run([rows(1)], of: .rows()) }.count == 1)
    }

    @Test("A run that goes on past its limit has its host killed; neighbours are not to blame")
    func limitThatKills() async throws {
        let began = CountingSemaphore()
        let host = try PlayedHost(lanes: 2) { lane, _, number in
            lane.store(.begun, number)
            began.signal()
        }
        async let neighbour = Self.outcome(host.channel)
        try await onThread { began.wait() }
        let start = MonotonicTime.nowNs
        let stop = RunStop(endsAtNs: start + 50_000_000)
        #expect(try await Self.outcome(host.channel, stop: stop).code == .overTime)
        let took = MonotonicTime.nowNs - start
        #expect(took >= 300_000_000 && took < 10_000_000_000)
        #expect(host.killed.current == .overTime)
        #expect(try await neighbour.code == .processLost)
    }

    @Test("A run that waits for a lane past its limit is over time, and nobody is killed")
    func waitForLane() async throws {
        let gate = Gate()
        let host = try TestHost(fakeModel(FakeScript(runGate: gate)))
        async let first = onThread { try host.channel.run([rows(1)], of: .rows()).count }
        await gate.waitForArrivals(1)
        let stop = RunStop(endsAtNs: MonotonicTime.nowNs + 30_000_000)
        #expect(try await Self.outcome(host.channel, stop: stop).code == .overTime)
        #expect(host.killed.current == nil)
        gate.open()
        #expect(try await first == 1)
    }

    @Test("A late terminate message does not meet the next run")
    func lateTermination() async throws {
        let worker = LaneWorker(
            0,
            in: try SharedMemory(
                byteCount: ChannelLayout(lanes: 1, ringBytes: 0).byteCount
            )
        )
        worker.terminate(4)
        let gate = Gate()
        let host = try TestHost(fakeModel(FakeScript(runGate: gate)))
        let stop = RunStop()
        async let first = Self.outcome(host.channel, stop: stop)
        await gate.waitForArrivals(1)
        stop.stop()
        #expect(try await first.code == .terminated)
        gate.open()
        // The notice for run 1 again, when run 2 is under way.
        #expect(host.channel.send(.terminate, TerminateNotice(lane: 0, run: 1).payload, seconds: 1))
        for _ in 0..<100 {
            #expect(
                try await onThread { try host.channel.run([rows(1)], of: .rows(), stop: RunStop()) }
                    .count == 1
            )
        }
    }

    @Test("The number of a forbidden call is what the host wrote")
    func forbiddenCall() throws {
        let host = try PlayedHost { _, _, _ in }
        #expect(host.channel.forbiddenCall == nil)
        let lanes = try HostLanes(memoryDescriptor: dup(host.channel.memoryDescriptor))
        let word = try #require(UnsafeMutablePointer<Int32>(bitPattern: lanes.forbiddenCallAddress))
        word.pointee = 257
        #expect(host.channel.forbiddenCall == 257)
        word.pointee = -1
        #expect(host.channel.forbiddenCall == nil)
    }

    @Test("Neither side can change the size of the shared memory")
    func sealedMemory() throws {
        let memory = try SharedMemory(byteCount: 8_192)
        let number = memory.descriptorNumber
        #expect(ftruncate(number, 4_096) == -1)
        #expect(ftruncate(number, 16_384) == -1)
        #expect(memory.start.load(fromByteOffset: 8_191, as: UInt8.self) == 0)
    }

    @Test("Frames that are none of the lanes' do nothing")
    func strangeFrames() throws {
        let channel = try HostChannel(ringBytes: 0, lanes: 1, budget: TestBudget())
        let lanes = try HostLanes(memoryDescriptor: dup(channel.memoryDescriptor))
        for kind in [FrameKind.message, .bytes, .terminate, .area] {
            for payload in [[], [1, 2, 3], [0, 0, 0, 9, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 1]]
                as [[UInt8]]
            {
                lanes.take(Frame(kind: kind, payload: payload))
            }
        }
    }
}
