import JSON
import Logging
import Sandbox
import Synchronization
import Testing

@testable import Server

@Suite("The check of the sandbox at a server's start")
struct SandboxCheckTests {
    private let log = RecordedLog()
    private var logger: Logger { Logger(label: "test") { [log] _ in log } }

    private static func result(landlock: Int = 7, filters: Bool = true, failures: Int = 0)
        -> SelfTestResult
    {
        var report = SandboxReport()
        report.landlockVersion = landlock
        report.filtersCalls = filters
        let stopped = SelfTestResult.Entry(thing: "fork", answer: "SIGSYS at fork", isStopped: true)
        let failed = (0..<failures).map {
            SelfTestResult.Entry(thing: "thing \($0)", answer: "done", isStopped: false)
        }
        return SelfTestResult(report: report, entries: [stopped] + failed)
    }

    @Test("a sandbox that holds is logged with its figures", arguments: [true, false])
    func holds(isRequired: Bool) throws {
        let outcome = try SandboxCheck.judge(.success(Self.result()), isRequired: isRequired)
        #expect(outcome.fault == nil)
        outcome.log(to: logger)
        #expect(
            log.lines == [
                "info the sandbox of engine hosts holds landlock.version=7 stopped=1"
            ]
        )
    }

    @Test(
        "a fault ends a server that requires the sandbox and is a warning for one that does not",
        arguments: [
            (result(landlock: 0), "the kernel lacks Landlock"),
            (result(filters: false), "the kernel lacks seccomp filters"),
            (result(failures: 1), "thing 0: done"),
            (result(failures: 5), "thing 2: done; 2 more"),
        ]
    )
    func faults(result: SelfTestResult, fault: String) throws {
        let error = #expect(throws: ServerError.self) {
            try SandboxCheck.judge(.success(result), isRequired: true)
        }
        #expect(error?.message.hasPrefix("this machine does not sandbox engine hosts: ") == true)
        #expect(error?.message.contains(fault) == true)
        #expect(error?.hint?.contains("isolation.require_sandbox") == true)
        let outcome = try SandboxCheck.judge(.success(result), isRequired: false)
        #expect(outcome.fault != nil)
        outcome.log(to: logger)
        #expect(log.lines.count == 1)
        #expect(log.lines[0].hasPrefix("warning the sandbox of engine hosts does not hold"))
        #expect(log.lines[0].contains(fault))
    }

    @Test("a self-test that gives no result is a fault")
    func noResult() throws {
        let error = #expect(throws: ServerError.self) {
            try SandboxCheck.judge(
                .failure(ServerError("it was ended by SIGKILL")),
                isRequired: true
            )
        }
        #expect(error?.message.contains("it was ended by SIGKILL") == true)
    }

    @Test("a result survives its JSON; other JSON is none")
    func json() throws {
        let result = Self.result(landlock: 3, failures: 2)
        #expect(SelfTestResult(try JSONValue(parsing: result.json.text)) == result)
        for text in [
            "{}", "[]", #"{"landlock_version": 7, "filters_calls": true}"#,
            #"{"landlock_version": "7", "filters_calls": true, "attempts": []}"#,
            #"{"landlock_version": 7, "filters_calls": true, "attempts": [{"thing": "fork"}]}"#,
        ] {
            #expect(SelfTestResult(try JSONValue(parsing: text)) == nil, "\(text)")
        }
    }
}

/// A log that keeps its lines: level, message, metadata by name.
private final class RecordedLog: LogHandler, Sendable {
    private let kept = Mutex<[String]>([])
    var lines: [String] { kept.withLock { $0 } }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted()
        let line = (["\(event.level)", "\(event.message)"] + fields).joined(separator: " ")
        kept.withLock { $0.append(line) }
    }
}
