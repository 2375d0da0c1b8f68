import Engine
import EngineTesting
import Synchronization
import Testing

@testable import Serving

@Suite("Requests whose engine host ends")
struct HostEndTests {
    private func answered(_ hosted: HostedBench, _ count: Int) async -> Bool {
        await eventually { hosted.bench.answered >= count }
    }

    @Test(
        "one request ends the process: it alone fails, with the signal, and its neighbours are answered",
        arguments: [0, 1, 4, 7]
    )
    func guilty(culprit: Int) async throws {
        let hosted = try HostedBench()
        let jobs = (0..<8).map { id in
            hosted.bench.job(id, first: id == culprit ? HostedBench.poison : Float(id))
        }
        try await hosted.submitTogether(jobs)
        #expect(await answered(hosted, 9))
        for id in 0..<8 where id != culprit {
            #expect(try hosted.bench.numbers(id)?.first == Float(id))
            #expect(hosted.runs(of: Float(id)) == 2)
        }
        let error = hosted.bench.error(culprit)
        #expect(error?.code == .internalFailure)
        #expect(
            error?.message == "the model's process ended while it ran this input (SIGFPE)"
        )
        #expect(hosted.runs(of: HostedBench.poison) == 2)
        #expect((0..<8).allSatisfy { hosted.bench.answers($0).count == 1 })
        // Never merged: the one batch, and each request once by itself.
        #expect(hosted.runs.dropFirst(2).allSatisfy { $0.count == 1 })
    }

    @Test("a request that ran alone and ended the process is not run again")
    func aloneEnded() async throws {
        let hosted = try HostedBench()
        try hosted.submit(hosted.bench.job(0, first: HostedBench.poison))
        #expect(await answered(hosted, 1))
        #expect(hosted.bench.error(0)?.code == .internalFailure)
        #expect(hosted.runs == [[HostedBench.poison]])
    }

    @Test("a request whose process another one ended runs again, once")
    func lost() async throws {
        let once = try HostedBench(losesFirst: 1)
        try once.submit(once.bench.job(0, first: 5))
        #expect(await answered(once, 1))
        #expect(try once.bench.numbers(0)?.first == 5)
        #expect(once.runs == [[5], [5]])
        let twice = try HostedBench(losesFirst: 2)
        try twice.submit(twice.bench.job(0, first: 5))
        #expect(await answered(twice, 1))
        #expect(twice.bench.error(0)?.code == .internalFailure)
        #expect(twice.runs == [[5], [5]])
        #expect(throws: Never.self) {
            try twice.bench.slot.crashes.check("cert:ann", of: twice.bench.slot.id)
        }
    }

    @Test("a batch whose process another one ended runs again one by one")
    func lostBatch() async throws {
        let hosted = try HostedBench()
        let jobs = (0..<6).map { id in
            hosted.bench.job(id, first: id == 3 ? HostedBench.lost : Float(id))
        }
        try await hosted.submitTogether(jobs)
        #expect(await answered(hosted, 7))
        for id in 0..<6 where id != 3 {
            #expect(try hosted.bench.numbers(id)?.first == Float(id))
        }
        #expect(hosted.bench.error(3)?.code == .internalFailure)
        #expect(hosted.runs.dropFirst(2).map(\.count) == Array(repeating: 1, count: 6))
    }

    @Test(
        "at most 64 requests of a batch run again, the others are told so",
        arguments: [64, 65, 80]
    )
    func mostAgain(count: Int) async throws {
        let hosted = try HostedBench()
        let jobs = (0..<count).map { id in
            hosted.bench.job(id, first: id == 0 ? HostedBench.poison : Float(id))
        }
        try await hosted.submitTogether(jobs)
        #expect(await answered(hosted, count + 1))
        let served = (1..<count).filter { (try? hosted.bench.numbers($0)?.first) == Float($0) }
        #expect(served == Array(1..<min(count, Settlement.maxAgain)))
        for id in min(count, Settlement.maxAgain)..<count {
            #expect(hosted.bench.error(id)?.code == .internalFailure)
            #expect(
                hosted.bench.error(id)?.message.contains("at most 64 requests of a batch") == true
            )
        }
        #expect(hosted.runs.count == 2 + min(count, Settlement.maxAgain))
    }

    @Test("requests whose deadline has passed or that were cancelled do not run again")
    func lapsed() async throws {
        let hosted = try HostedBench()
        let cancellation = Cancellation()
        // The batch is under way when its requests lapse: the gate holds it.
        hosted.gate.close()
        try hosted.submit(hosted.bench.job(-1, first: -1))
        await hosted.gate.waitForArrivals(1)
        let deadline = Uptime.ns + 1_000_000_000
        let jobs = [
            hosted.bench.job(0, first: HostedBench.poison),
            hosted.bench.job(1, first: 1, cancellation: cancellation),
            hosted.bench.job(2, first: 2, deadlineNs: deadline),
            hosted.bench.job(3, first: 3),
        ]
        for job in jobs { try hosted.submit(job) }
        hosted.gate.release()
        await hosted.gate.waitForArrivals(2)
        cancellation.cancel()
        #expect(await eventually { Uptime.ns > deadline })
        hosted.gate.open()
        #expect(await answered(hosted, 5))
        #expect(hosted.bench.error(1)?.code == .cancelled)
        #expect(hosted.bench.error(2)?.code == .deadlineExceeded)
        #expect(try hosted.bench.numbers(3)?.first == 3)
        #expect(hosted.runs(of: 1) == 1 && hosted.runs(of: 2) <= 1)
    }

    @Test("a request that is cancelled while it waits for its second run leaves the queue at once")
    func cancelledWaiting() async throws {
        let hosted = try HostedBench()
        let cancellation = Cancellation()
        let jobs = [
            hosted.bench.job(0, first: 0),
            hosted.bench.job(1, first: HostedBench.poison, cancellation: cancellation),
        ]
        hosted.gate.close()
        try hosted.submit(hosted.bench.job(-1, first: -1))
        await hosted.gate.waitForArrivals(1)
        for job in jobs { try hosted.submit(job) }
        // The first one's second run is held at the gate, so that the other one waits for its own.
        hosted.gate.release(2)
        await hosted.gate.waitForArrivals(3)
        cancellation.cancel()
        #expect(hosted.bench.error(1)?.code == .cancelled)
        hosted.gate.open()
        #expect(await answered(hosted, 3))
        #expect(try hosted.bench.numbers(0)?.first == 0)
        #expect(hosted.runs(of: HostedBench.poison) == 1)
    }

    @Test("with several runs in a host, only the one that ends it alone is to blame")
    func severalRuns() async throws {
        let hosted = try HostedBench(threads: 3, maxRows: 1, gate: Gate())
        for id in 0..<3 {
            let first = id == 1 ? HostedBench.poison : Float(id)
            try hosted.submit(hosted.bench.job(id, first: first, principal: "cert:\(id)"))
        }
        await hosted.gate.waitForArrivals(3)
        hosted.gate.open()
        #expect(await answered(hosted, 3))
        #expect(hosted.bench.error(1)?.code == .internalFailure)
        #expect(hosted.runs(of: HostedBench.poison) == 2)
        for id in [0, 2] { #expect(hosted.bench.error(id) == nil) }
    }

    @Test("memory that a request asks for in vain is RESOURCE_EXHAUSTED, for that request alone")
    func outOfMemory() async throws {
        let hosted = try HostedBench()
        let jobs = (0..<5).map { id in
            hosted.bench.job(id, first: id == 2 ? HostedBench.large : Float(id))
        }
        try await hosted.submitTogether(jobs)
        #expect(await answered(hosted, 6))
        for id in 0..<5 where id != 2 { #expect(try hosted.bench.numbers(id)?.first == Float(id)) }
        #expect(hosted.bench.error(2)?.code == .resourceExhausted)
    }

    @Test("a run over its limit is DEADLINE_EXCEEDED for the request that takes so long, alone")
    func overTime() async throws {
        let hosted = try HostedBench(runSeconds: 7)
        let jobs = (0..<5).map { id in
            hosted.bench.job(id, first: id == 2 ? HostedBench.slow : Float(id))
        }
        try await hosted.submitTogether(jobs)
        #expect(await answered(hosted, 6))
        for id in 0..<5 where id != 2 { #expect(try hosted.bench.numbers(id)?.first == Float(id)) }
        #expect(hosted.bench.error(2)?.code == .deadlineExceeded)
        #expect(hosted.bench.error(2)?.message == "the run took longer than its limit of 7 s")
        #expect(hosted.runs(of: HostedBench.slow) == 2)
    }

    @Test("a run that goes on past its limit fails its request alone, and its caller is charged")
    func outlasts() async throws {
        let hosted = try HostedBench(runSeconds: 1)
        let (crashes, id) = (hosted.bench.slot.crashes, hosted.bench.slot.id)
        let jobs = (0..<5).map { id in
            hosted.bench.job(
                id,
                first: id == 2 ? HostedBench.endless : Float(id),
                principal: id == 2 ? "cert:eve" : "cert:ann"
            )
        }
        try await hosted.submitTogether(jobs)
        #expect(await answered(hosted, 6))
        for id in 0..<5 where id != 2 { #expect(try hosted.bench.numbers(id)?.first == Float(id)) }
        #expect(hosted.bench.error(2)?.code == .deadlineExceeded)
        #expect(hosted.runs(of: HostedBench.endless) == 2)
        for id in 5..<7 {
            #expect(throws: Never.self) { try crashes.check("cert:eve", of: hosted.bench.slot.id) }
            try hosted.submit(
                hosted.bench.job(id, first: HostedBench.endless, principal: "cert:eve")
            )
            #expect(await answered(hosted, id + 2))
            #expect(hosted.bench.error(id)?.code == .deadlineExceeded)
        }
        #expect(throws: ServingError.self) { try crashes.check("cert:eve", of: id) }
        #expect(throws: Never.self) { try crashes.check("cert:ann", of: id) }
    }

    @Test("a host that cannot be started fails a batch as it is, and is not asked for each request")
    func unavailable() async throws {
        let script = FakeScript(
            answer: .fail(EngineError(.unavailable, "no host could be started"))
        )
        let executors = Executors(
            threads: 1,
            bound: ServingLimits().queueBound,
            isShared: false
        )
        let bench = try BatchBench(script, executors: executors)
        BatchRun((0..<8).map { bench.job($0) }).run()
        #expect((0..<8).allSatisfy { bench.error($0)?.code == .unavailable })
        #expect(bench.engine.runs == 1)
    }

    @Test("each request of random batches is answered exactly once and run at most twice")
    func property() async throws {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &random)
        var generator = SplitMix(state: seed)
        for _ in 0..<30 {
            let count = Int.random(in: 1...90, using: &generator)
            let threads = Int.random(in: 1...3, using: &generator)
            let hosted = try HostedBench(threads: threads, maxRows: 64)
            let bad = [HostedBench.poison, HostedBench.lost, HostedBench.slow]
            var jobs: [Job] = []
            for id in 0..<count {
                let isBad = Int.random(in: 0..<20, using: &generator) == 0
                // The numbers of the good ones tell them apart.
                let first = isBad ? bad.randomElement(using: &generator) ?? 0 : Float(1_000 + id)
                jobs.append(hosted.bench.job(id, first: first, principal: "cert:\(id % 2)"))
            }
            try await hosted.submitTogether(jobs)
            #expect(await answered(hosted, count + 1), "seed \(seed)")
            for (id, job) in jobs.enumerated() {
                #expect(hosted.bench.answers(id).count == 1, "seed \(seed)")
                let first = floats(job.request.inputs[0].bytes.copied())[0]
                guard first >= 1_000 else {
                    #expect(hosted.bench.error(id) != nil, "seed \(seed)")
                    continue
                }
                #expect(hosted.runs(of: first) <= 2, "seed \(seed)")
                // A good request fails only where its caller has ended the host too often.
                if let code = hosted.bench.error(id)?.code {
                    #expect(code == .resourceExhausted, "seed \(seed)")
                } else {
                    #expect(try hosted.bench.numbers(id)?.first == first, "seed \(seed)")
                }
            }
            #expect(hosted.bench.admission.present == (0, 0), "seed \(seed)")
        }
    }

    /// A generator whose seed a failure prints.
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }
}
