import Glibc
import Hosting
import Testing

@testable import Serving

@Suite("The consequence of the end of a load in an engine host")
struct FirstLoadVerdictTests {
    private static func failure(
        _ end: HostEnd,
        step: LoadStep? = .warmUp(attempt: 0),
        isFinal: Bool = true
    ) -> Loader.Failure {
        FirstLoadVerdict(
            step: step,
            end: end,
            output: "it said this",
            seconds: 9,
            cpuSeconds: 5,
            memory: FirstLoadLimits.MemoryBound(bytes: 512 << 20, isFinal: isFinal)
        ).failure
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
                .overTime, .rows,
                "its first load took longer than 9 s and was ended in the comparison "
                    + "of its runs"
            ),
            (
                .killed(SIGXCPU), .warmUp(attempt: 1),
                "its first load took more than 5 s of processor time and was ended in its warm-up "
                    + "run"
            ),
            (
                .exited(134), .warmUp(attempt: 0),
                "it ended the process of its first load with exit status 134 in its warm-up run"
            ),
            (
                .forbidden("openat"), .golden("golden/0.json"),
                "it made the system call openat, which the sandbox forbids, in golden request "
                    + "golden/0.json"
            ),
            (
                .lied("it asked for a file that it may not have"), .load,
                "the process of its first load was ended while the model was loaded: it asked for "
                    + "a file that it may not have"
            ),
        ] as [(HostEnd, LoadStep, String)]
    )
    func rejected(end: HostEnd, step: LoadStep, expected: String) {
        guard case .rejected(let reason, let detail) = Self.failure(end, step: step) else {
            Issue.record("not rejected")
            return
        }
        #expect(reason == expected)
        #expect(detail == "it said this")
    }

    @Test(
        "what was done to the process, or before the model was touched, may pass",
        arguments: [
            (.killed(SIGKILL), .load), (.killed(SIGTERM), .warmUp(attempt: 0)),
            (.killed(SIGHUP), .rows),
            (.killed(SIGSEGV), nil), (.exited(1), nil), (.exited(0), nil), (.killed(SIGKILL), nil),
            (.forbidden("socket"), nil), (.lied("it was ready twice"), nil), (.released, .rows),
        ] as [(HostEnd, LoadStep?)]
    )
    func passing(end: HostEnd, step: LoadStep?) {
        let failure = Self.failure(end, step: step)
        #expect(failure.mayPass)
        #expect(failure.reason == "the version could not be tried")
    }

    @Test("too little memory is the model's fault where it was given much, and passes otherwise")
    func memory() {
        guard case .rejected(let reason, _) = Self.failure(.outOfMemory) else {
            Issue.record("not rejected")
            return
        }
        #expect(reason.contains("more than 512 MiB of memory"))
        #expect(Self.failure(.outOfMemory, isFinal: false).mayPass)
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
