import Glibc
import Testing

@testable import Sandbox

@Suite("Sandbox")
struct SandboxTests {
    @Test("calls are named, and a number without a call is said as such")
    func callNames() {
        #expect((0..<500).contains { Sandbox.callName($0) == "openat" })
        #expect(Sandbox.callName(99_999) == "number 99999")
        #expect(Sandbox.callName(-1) == "number -1")
        #expect(Sandbox.callName(.min) == "number -2147483648")
    }

    @Test("a process with several threads does not enter: the others would stay outside")
    func threads() {
        let thread = Waiting()
        defer { thread.end() }
        let error = #expect(throws: SandboxError.self) {
            try Sandbox.enterFirstStage(recordingAt: nil)
        }
        #expect(error?.description.contains("threads, where one is expected") == true)
        let other = #expect(throws: SandboxError.self) { try SelfTest.run() }
        #expect(other?.description.contains("threads, where one is expected") == true)
    }

    @Test("missing layers are named, with the consequence")
    func missingLayers() {
        var report = SandboxReport()
        #expect(report.missingLayers.count == 2)
        report.filtersCalls = true
        #expect(report.missingLayers.count == 1)
        #expect(report.missingLayers[0].hasPrefix("Landlock"))
        report.landlockVersion = 1
        #expect(report.missingLayers.isEmpty)
        report.filtersCalls = false
        #expect(report.missingLayers == ["seccomp filters (hosts may make any system call)"])
    }

    @Test("an error says which step failed and the system's text")
    func errors() {
        #expect(
            SandboxError("capabilities cannot be dropped", errno: EPERM).description
                == "the sandbox cannot be entered: capabilities cannot be dropped: "
                + "Operation not permitted"
        )
        #expect(SandboxError("no").description == "the sandbox cannot be entered: no")
    }

    @Test("a filter of both stages can be made, and names what it refuses")
    func filters() throws {
        _ = try CallFilter.first()
        _ = try CallFilter.second()
        let filter = try CallFilter(others: .allow, coversAllThreads: false)
        let error = #expect(throws: SandboxError.self) { try filter.add(.allow, "openat") }
        #expect(error?.step == "the rule of openat is refused")
        // A call that no architecture has is passed over, as one of another architecture is.
        try filter.add(.end, "no_such_call")
    }

    @Test("a result holds if everything was stopped and no layer is missing")
    func results() {
        var report = SandboxReport()
        report.landlockVersion = 7
        let stopped = SelfTestResult.Entry(thing: "a", answer: "EACCES", isStopped: true)
        let done = SelfTestResult.Entry(thing: "b", answer: "done", isStopped: false)
        #expect(!SelfTestResult(report: report, entries: [stopped]).holds)
        report.filtersCalls = true
        #expect(SelfTestResult(report: report, entries: [stopped]).holds)
        let bad = SelfTestResult(report: report, entries: [stopped, done])
        #expect(!bad.holds && bad.failures == [done])
    }

    /// A thread that waits for its end.
    private final class Waiting {
        private var ends: [Int32] = [0, 0]
        private var thread = pthread_t()

        init() {
            _ = pipe(&ends)
            let context = UnsafeMutableRawPointer(bitPattern: UInt(ends[0]) + 1)
            _ = pthread_create(
                &thread,
                nil,
                { context in
                    var byte: UInt8 = 0
                    _ = read(Int32(Int(bitPattern: context) - 1), &byte, 1)
                    return nil
                },
                context
            )
        }

        func end() {
            close(ends[1])
            pthread_join(thread, nil)
            close(ends[0])
        }
    }
}
