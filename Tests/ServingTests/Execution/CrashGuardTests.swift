import Engine
import EngineTesting
import Testing

@testable import Serving

@Suite("Callers whose inputs end engine hosts")
struct CrashGuardTests {
    private func crash(_ hosted: HostedBench, _ id: Int, by principal: String, _ first: Float)
        async throws
    {
        try hosted.submit(hosted.bench.job(id, first: first, principal: principal))
        #expect(await eventually { hosted.bench.answers(id).count == 1 })
    }

    /// As of the begin of the test, so that no pause has passed.
    private let beganNs = Uptime.ns

    private func refusal(_ hosted: HostedBench, _ principal: String) -> ServingError? {
        let slot = hosted.bench.slot
        do throws(ServingError) {
            try slot.crashes.check(principal, of: slot.id, atNs: beganNs)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "the third end within a minute pauses its caller, with a time to come again, and no other",
        arguments: [HostedBench.poison, HostedBench.slow]
    )
    func pausedCaller(first: Float) async throws {
        let hosted = try HostedBench()
        for id in 0..<2 { try await crash(hosted, id, by: "cert:eve", first) }
        #expect(refusal(hosted, "cert:eve") == nil)
        try await crash(hosted, 2, by: "cert:eve", first)
        let error = refusal(hosted, "cert:eve")
        #expect(error?.code == .resourceExhausted)
        #expect(try #require(error?.retryAfterNs) >= CrashLedger.firstPauseNs)
        #expect(refusal(hosted, "cert:ann") == nil)
    }

    @Test("inputs of a paused caller that were queued before are not run, those of others are")
    func queuedBefore() async throws {
        let hosted = try HostedBench(maxRows: 1)
        let jobs = (0..<12).map { id in
            id % 2 == 0
                ? hosted.bench.job(id, first: HostedBench.poison, principal: "cert:eve")
                : hosted.bench.job(id, first: Float(id), principal: "cert:ann")
        }
        try await hosted.submitTogether(jobs)
        #expect(await eventually { hosted.bench.answered == 13 })
        let codes = stride(from: 0, to: 12, by: 2).map { hosted.bench.error($0)?.code }
        #expect(codes.prefix(3).allSatisfy { $0 == .internalFailure })
        #expect(codes.suffix(3).allSatisfy { $0 == .resourceExhausted })
        #expect(hosted.runs(of: HostedBench.poison) == CrashLedger.maxEnds)
        for id in stride(from: 1, to: 12, by: 2) {
            #expect(try hosted.bench.numbers(id)?.first == Float(id))
        }
    }

    @Test("ends by three callers put the version into back-off for all, with the reason")
    func backOff() async throws {
        let hosted = try HostedBench()
        for (id, name) in ["cert:eve", "cert:mallory", "uid:7"].enumerated() {
            #expect(refusal(hosted, "cert:ann") == nil)
            try await crash(hosted, id, by: name, HostedBench.poison)
        }
        let error = refusal(hosted, "cert:ann")
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("in back-off: inputs of 3 callers or more") == true)
        #expect(try #require(error?.retryAfterNs) >= CrashLedger.firstPauseNs)
    }

    @Test("neighbours of inputs that put the version into back-off are answered all the same")
    func neighbours() async throws {
        let hosted = try HostedBench()
        let jobs = (0..<8).map { id in
            hosted.bench.job(
                id,
                first: id < 4 ? HostedBench.poison : Float(id),
                principal: "cert:\(id)"
            )
        }
        try await hosted.submitTogether(jobs)
        #expect(await eventually { hosted.bench.answered == 9 })
        for id in 0..<4 { #expect(hosted.bench.error(id)?.code == .internalFailure) }
        for id in 4..<8 { #expect(try hosted.bench.numbers(id)?.first == Float(id)) }
        #expect(refusal(hosted, "cert:ann")?.code == .unavailable)
    }

    @Test("the log names the version and the caller of an input that ended a host")
    func logged() async throws {
        let hosted = try HostedBench()
        try await crash(hosted, 0, by: "cert:eve", HostedBench.poison)
        let error = hosted.bench.error(0)
        #expect(error?.detail.contains("version 1 of model 'm'") == true)
        #expect(error?.detail.contains("'cert:eve'") == true)
        #expect(error?.message.contains("eve") == false)
    }
}
