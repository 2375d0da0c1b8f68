import Engine
import EngineTesting
import Testing
import Text

@testable import Serving

@Suite("Runs that reach their limit of time")
struct RunLimitTests {
    private let bound = QueueBound(queueNs: 200_000_000)

    /// A model whose runs wait at a gate, and go on when they are stopped.
    private func unstoppable(_ gate: Gate, runSeconds: Int = 1) throws -> BatchBench {
        let script = FakeScript(
            answer: .compute { inputs in
                gate.pass()
                return [
                    OutputTensor(
                        name: "y",
                        type: .fp32,
                        shape: inputs[0].shape,
                        bytes: inputs[0].bytes
                    )
                ]
            }
        )
        return try BatchBench(script, plan: .alone(""), model: "slow", runSeconds: runSeconds)
    }

    private func submit(_ job: Job, to executors: Executors) throws {
        let full = job.admission.enter(bytes: job.request.heldBytes, limits: ServingLimits())
        try #require(full == nil)
        try executors.submit(job)
    }

    @Test("a run is stopped at its limit and not before, and its request is told so")
    func stopped() async throws {
        let gate = Gate()
        let bench = try BatchBench(FakeScript(runGate: gate), runSeconds: 1)
        let executors = Executors(threads: 1, bound: bound)
        defer { executors.stop() }
        let began = ContinuousClock.now
        try submit(bench.job(0), to: executors)
        #expect(await eventually { bench.answered == 1 })
        #expect(ContinuousClock.now - began >= .seconds(1))
        #expect(bench.error(0)?.code == .deadlineExceeded)
        #expect(bench.error(0)?.message == "the run took longer than its limit of 1 s")
        #expect(bench.engine.runs == 1)
        #expect(bench.admission.present == (0, 0))
    }

    @Test("a run that its caller gave up is told apart from one over its limit")
    func givenUp() async throws {
        let gate = Gate()
        let bench = try BatchBench(FakeScript(runGate: gate), plan: .alone(""))
        let executors = Executors(threads: 2, bound: bound)
        defer { executors.stop() }
        let (cancelled, late) = (Cancellation(), Cancellation())
        try submit(bench.job(0, cancellation: cancelled), to: executors)
        let deadline = Uptime.ns + 200_000_000
        try submit(bench.job(1, deadlineNs: deadline, cancellation: late), to: executors)
        await gate.waitForArrivals(2)
        cancelled.cancel()
        #expect(await eventually { Uptime.ns > deadline })
        late.cancel()
        #expect(await eventually { bench.answered == 2 })
        #expect(bench.error(0)?.code == .cancelled)
        #expect(bench.error(1)?.code == .deadlineExceeded)
        #expect(bench.error(1)?.message == ServingError.expired.message)
    }

    @Test("a run that goes on when it is stopped is answered once, and counts until it ends")
    func goesOn() async throws {
        let gate = Gate()
        let bench = try unstoppable(gate)
        let executors = Executors(threads: 2, bound: bound)
        defer { executors.stop() }
        try submit(bench.job(0), to: executors)
        #expect(await eventually { bench.answered == 1 })
        #expect(bench.error(0)?.code == .deadlineExceeded)
        #expect(bench.admission.present.requests == 1)
        #expect(bench.admission.present.bytes > 0)
        gate.open()
        #expect(await eventually { bench.admission.present == (0, 0) })
        #expect(bench.answers(0).count == 1)
        // The thread takes part again.
        try submit(bench.job(1, first: 7), to: executors)
        #expect(await eventually { bench.answered == 2 })
        #expect(try bench.numbers(1)?.first == 7)
    }

    @Test(
        "while runs of one model hold its executors another model is answered, and the first refused",
        arguments: [1, 2, 3]
    )
    func held(threads: Int) async throws {
        let gate = Gate()
        let slow = try unstoppable(gate, runSeconds: 3)
        let other = try BatchBench(model: "other")
        let executors = Executors(threads: threads, bound: bound)
        defer { executors.stop() }
        let count = threads + 2
        for id in 0..<count { try submit(slow.job(id), to: executors) }
        await gate.waitForArrivals(threads)
        try submit(other.job(0, first: 3), to: executors)
        #expect(await eventually { other.answered == 1 })
        #expect(try other.numbers(0)?.first == 3)
        // Those that run are answered at their limit, the others when they have waited too long.
        #expect(await eventually { slow.answered == count })
        let codes = (0..<count).map { slow.error($0)?.code }
        #expect(codes.count { $0 == .deadlineExceeded } == threads)
        #expect(codes.count { $0 == .resourceExhausted } == 2)
        let refused = (0..<count).compactMap { slow.error($0) }.first { $0.retryAfterNs != nil }
        #expect(refused?.message.contains("go on past their limit of 3 s") == true)
        #expect(gate.arrived == threads)
        try submit(other.job(1, first: 4), to: executors)
        #expect(await eventually { other.answered == 2 })
        gate.open()
        #expect(await eventually { slow.admission.present == (0, 0) })
    }

    @Test("another model is answered while long runs of one follow each other on all threads")
    func followed() async throws {
        let gate = Gate()
        let slow = try BatchBench(FakeScript(runGate: gate), plan: .alone(""), model: "slow")
        let other = try BatchBench(model: "other")
        let executors = Executors(threads: 2, bound: bound)
        defer { executors.stop() }
        defer { gate.open() }
        try submit(slow.job(0), to: executors)
        await gate.waitForArrivals(1)
        // A thread is added for it.
        try await Task.sleep(for: .milliseconds(800))
        for id in 1..<7 { try submit(slow.job(id), to: executors) }
        gate.release()
        await gate.waitForArrivals(3)
        try submit(other.job(0, first: 3), to: executors)
        #expect(await eventually { other.answered == 1 })
        #expect(slow.answered <= 1 && gate.arrived == 3)
    }

    @Test("the threads of a hosted version end with it, after its queue was run")
    func threadsEnd() async throws {
        weak var watched: Executors?
        do {
            let hosted = try HostedBench(threads: 3)
            watched = hosted.executors
            for id in 0..<20 { try hosted.submit(hosted.bench.job(id, first: Float(id))) }
            hosted.executors.stop()
            #expect(await eventually { hosted.bench.answered == 20 })
            #expect((0..<20).allSatisfy { hosted.bench.error($0) == nil })
            #expect(throws: ServingError.self) { try hosted.executors.submit(hosted.bench.job(20)) }
        }
        for _ in 0..<2_000 where watched != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(watched == nil)
    }

    @Test("the threads of a hosted version end when its last holder lets go of it")
    func slotGone() async throws {
        weak var watched: Executors?
        do {
            let hosted = try HostedBench(threads: 2)
            watched = hosted.executors
            try hosted.submit(hosted.bench.job(0))
            #expect(await eventually { hosted.bench.answered == 1 })
        }
        for _ in 0..<2_000 where watched != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(watched == nil)
    }
}
