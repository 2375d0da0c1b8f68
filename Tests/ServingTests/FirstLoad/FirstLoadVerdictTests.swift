import Glibc
import Testing

@testable import Sealing
@testable import Serving

@Suite("What follows from a first load in a child process")
struct FirstLoadVerdictTests {
    private let findings = VersionFindings(plan: .alone("the card says so"), isDeterministic: true)

    private static func verdict(
        _ ending: ChildProcess.Ending,
        step: LoadStep? = .warmUp,
        end: FirstLoadReport? = nil,
        isFinal: Bool = true
    ) -> FirstLoadVerdict {
        FirstLoadVerdict(
            step: step,
            end: end,
            outcome: ChildProcess.Outcome(ending: ending, errors: "it said this", errorBytes: 12),
            seconds: 9,
            cpuSeconds: 5,
            memory: FirstLoadLimits.MemoryBound(bytes: 512 << 20, isFinal: isFinal)
        )
    }

    private static func failure(
        _ ending: ChildProcess.Ending,
        step: LoadStep? = .warmUp,
        end: FirstLoadReport? = nil,
        isFinal: Bool = true
    ) -> Loader.Failure? {
        do throws(Loader.Failure) {
            _ = try verdict(ending, step: step, end: end, isFinal: isFinal).check()
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "what a model did rejects it, and the reason says what and where",
        arguments: [
            (
                .killed(SIGFPE), .load,
                "it crashed the process of its first load with SIGFPE while the model was loaded"
            ),
            (
                .killed(SIGSEGV), .golden("golden/7.json"),
                "it crashed the process of its first load with SIGSEGV in golden request "
                    + "golden/7.json"
            ),
            (
                .outOfTime, .rows,
                "its first load took longer than 9 s and was ended in the comparison "
                    + "of its runs"
            ),
            (
                .killed(SIGXCPU), .warmUp,
                "its first load took more than 5 s of processor time and was ended in its warm-up "
                    + "run"
            ),
            (
                .exited(134), .warmUp,
                "it ended the process of its first load with exit status 134 in its warm-up run"
            ),
        ] as [(ChildProcess.Ending, LoadStep, String)]
    )
    func rejected(ending: ChildProcess.Ending, step: LoadStep, expected: String) throws {
        guard case .rejected(let reason, let detail)? = Self.failure(ending, step: step) else {
            Issue.record("not rejected")
            return
        }
        #expect(reason == expected)
        #expect(detail == "it said this")
    }

    @Test(
        "what was done to the process, or before the model was touched, may pass",
        arguments: [
            (.killed(SIGKILL), .load), (.killed(SIGTERM), .warmUp), (.killed(SIGHUP), .rows),
            (.killed(SIGSEGV), nil), (.exited(1), nil), (.exited(0), nil), (.killed(SIGKILL), nil),
        ] as [(ChildProcess.Ending, LoadStep?)]
    )
    func passing(ending: ChildProcess.Ending, step: LoadStep?) throws {
        let failure = try #require(Self.failure(ending, step: step))
        #expect(failure.mayPass)
        #expect(failure.reason == "the version could not be tried")
    }

    @Test("what it said at its end counts, however it ended")
    func said() throws {
        #expect(Self.failure(.killed(SIGSEGV), end: .passed(findings)) == nil)
        #expect(try Self.verdict(.exited(0), end: .passed(findings)).check() == findings)
        let said = Loader.Failure.rejected(reason: "golden request", detail: "")
        #expect(Self.failure(.exited(0), end: .failed(said))?.reason == "golden request")
    }

    @Test("too little memory is the model's fault where it was given much, and passes otherwise")
    func memory() throws {
        let end = FirstLoadReport.outOfMemory(detail: "bad_alloc")
        guard case .rejected(let reason, _)? = Self.failure(.exited(0), end: end) else {
            Issue.record("not rejected")
            return
        }
        #expect(reason.contains("more than 512 MiB of memory"))
        let passing = try #require(Self.failure(.exited(0), end: end, isFinal: false))
        #expect(passing.mayPass)
    }

    @Test(
        "a load may take its key's bytes, or most of what is available",
        arguments: [
            (1 << 30, 100, 10, 1 << 30, true), (0, 1_000, 800, 720, true),
            (0, 1_000, 500, 450, false), (0, 2_000, 100, 90, false),
        ] as [(UInt64, UInt64, UInt64, UInt64, Bool)]
    )
    func bound(
        key: UInt64,
        total: UInt64,
        available: UInt64,
        bytes: UInt64,
        isFinal: Bool
    ) {
        var limits = FirstLoadLimits()
        limits.memoryBytes = key
        var system = SystemMemory.Reading(
            residentBytes: 0,
            availableBytes: available,
            totalBytes: total
        )
        #expect(limits.memory(system) == .init(bytes: bytes, isFinal: isFinal))
        system.availableBytes = .max
        #expect(limits.memory(system).isFinal)
    }

    @Test("a large version gets more time")
    func time() {
        #expect(FirstLoadLimits.extraSeconds(bytes: (16 << 20) - 1) == 0)
        #expect(FirstLoadLimits.extraSeconds(bytes: 1 << 30) == 64)
        #expect(FirstLoadLimits.extraSeconds(bytes: .max) == 1 << 20)
    }
}
