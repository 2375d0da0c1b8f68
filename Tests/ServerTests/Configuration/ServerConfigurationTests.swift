import Foundation
import RPC
import Serving
import Testing

@testable import Server

@Suite("Configuration")
struct ServerConfigurationTests {
    private func load(
        _ yaml: String?,
        flags: [String: String] = [:],
        environment: [String: String] = [:]
    ) async throws -> ServerConfiguration {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).yaml").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        try yaml?.write(toFile: file, atomically: true, encoding: .utf8)
        return try await ServerConfiguration.load(
            file: file,
            flags: flags,
            environment: environment
        )
    }

    @Test("without a file the defaults hold")
    func defaults() async throws {
        let configuration = try await load(nil)
        #expect(configuration.listen.text == "127.0.0.1:8443")
        #expect(configuration.drainSeconds == 30)
        #expect(configuration.drainDelaySeconds == 0)
        #expect(configuration.serving.queueMilliseconds == 1_000)
        #expect(configuration.serving.queuedRequestsPerModel == 65_536)
        #expect(configuration.serving.queuedRequests == 131_072)
        #expect(configuration.serving.queuedBytesPerModel == 64 << 20)
        #expect(configuration.rpc.maxCallsInFlight == 256)
        #expect(configuration.metricsLoopback == .certificate)
    }

    @Test("a byte order mark and carriage returns are accepted")
    func foreignEditors() async throws {
        let yaml = "\u{FEFF}listen: 127.0.0.1:1\r\nlimits:\r\n  connections: 7\r\n"
        let configuration = try await load(yaml)
        #expect(configuration.listen.text == "127.0.0.1:1")
        #expect(configuration.rpc.maxConnections == 7)
    }

    @Test("flags win over the environment, which wins over the file")
    func precedence() async throws {
        let yaml = "listen: 127.0.0.1:1\ndrain_seconds: 5\nlimits:\n  connections: 7\n"
        let environment = ["STRONGROOM_LISTEN": "127.0.0.1:2", "STRONGROOM_DRAIN_SECONDS": "6"]
        let configuration = try await load(
            yaml,
            flags: ["listen": "[::1]:3"],
            environment: environment
        )
        #expect(configuration.listen.text == "[::1]:3")
        #expect(configuration.drainSeconds == 6)
        #expect(configuration.rpc.maxConnections == 7)
    }

    @Test("what a first load may take is read, and nothing that no load could do with")
    func firstLoad() async throws {
        #expect(try await load(nil).firstLoad == FirstLoadLimits())
        let yaml = """
            loading: {seconds: 1, cpu_seconds: 2, memory_bytes: 134217728, max_crashes: 3}
            """
        let read = try await load(yaml).firstLoad
        #expect((read.seconds, read.cpuSeconds) == (1, 2))
        #expect((read.memoryBytes, read.maxCrashes) == (128 << 20, 3))
        for wrong in ["seconds: 0", "cpu_seconds: 0", "memory_bytes: 134217727", "max_crashes: 0"] {
            await #expect(throws: ServerError.self) { try await load("loading: {\(wrong)}") }
        }
    }

    @Test("the wait before a drain is read")
    func drainDelay() async throws {
        #expect(try await load("drain_delay_seconds: 3600").drainDelaySeconds == 3_600)
        let environment = ["STRONGROOM_DRAIN_DELAY_SECONDS": "7"]
        #expect(try await load(nil, environment: environment).drainDelaySeconds == 7)
    }

    @Test("limits are read from the environment by their full name")
    func environmentLimits() async throws {
        let configuration = try await load(
            nil,
            environment: ["STRONGROOM_LIMITS_QUEUED_REQUESTS": "12"]
        )
        #expect(configuration.serving.queuedRequestsPerModel == 12)
    }

    @Test("what may stay in memory can be set")
    func memory() async throws {
        let defaults = try await load(nil)
        #expect(defaults.serving.keepsPrevious && defaults.serving.memoryBudgetBytes == nil)
        let yaml = "keep_previous: false\nloading: {memory_budget_bytes: 67108864}\n"
        let configuration = try await load(yaml)
        #expect(!configuration.serving.keepsPrevious)
        #expect(configuration.serving.memoryBudgetBytes == 64 << 20)
    }

    @Test(
        "what nobody reads is an error with file, line and key",
        arguments: [
            ("listen: a:1\nlisten_on: b:2\n", ":2: unknown key 'listen_on'"),
            ("limits:\n  frames: 3\n", ":2: unknown key 'limits.frames'"),
            ("limits: 3\n", "keys with values"), ("listen: [a]\n", "'listen' takes one value"),
        ]
    )
    func unknownKeys(yaml: String, part: String) async {
        let error = await #expect(throws: ServerError.self) { try await load(yaml) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test(
        "a value out of its range is an error that says the range",
        arguments: [
            ("drain_delay_seconds: 3601", "from 0 to 3600"), ("drain_delay_seconds: -1", "'-1'"),
            ("limits: {queue_milliseconds: 0}", "from 1 to 600000"),
            ("limits: {queue_milliseconds: 600001}", "from 1 to 600000"),
            ("limits: {queued_requests: 1000001}", "from 1 to 1000000"),
            ("drain_seconds: -1", "'drain_seconds' is '-1'"), ("drain_seconds: soon", "'soon'"),
            ("limits: {frame_bytes: 16777216}", "16777215"), ("tls: {minimum: 1.1}", "1.2, 1.3"),
            ("log: {level: loud}", "'log.level'"),
            ("metrics: {loopback: yes}", "certificate, open"),
            ("listen: localhost", "expected HOST:PORT"),
            ("keep_previous: maybe", "false, true"),
            ("loading: {memory_budget_bytes: 67108863}", "67108864"),
            ("listen: ::1:80", "brackets"),
        ]
    )
    func badValues(yaml: String, part: String) async {
        let error = await #expect(throws: ServerError.self) { try await load(yaml) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test(
        "a key that is there and has no value of its kind is an error that names it",
        arguments: [
            ("listen:", "'listen'"), ("listen: ''", "'listen'"), ("listen: true", "'true'"),
            ("listen: 8443", "'8443'"), ("max_pinned_versions: true", "'max_pinned_versions'"),
            ("max_pinned_versions: 2.5", "'max_pinned_versions'"),
            ("max_pinned_versions: ~", "'max_pinned_versions'"),
            ("drain_seconds: 2026-01-01", "'drain_seconds'"), ("unix_socket:", "'unix_socket'"),
            ("keys: null", "'keys'"), ("log: {level: false}", "'log.level'"),
            ("tls:", "keys with values"), ("limits: {connections: }", "'limits.connections'"),
        ]
    )
    func missingValues(yaml: String, part: String) async {
        let error = await #expect(throws: ServerError.self) { try await load(yaml) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }

    @Test("the queues' limits are read, the server's beside a model's")
    func queueLimits() async throws {
        let yaml = """
            limits:
              queue_milliseconds: 600000
              queued_requests: 3
              queued_bytes: 4096
              total_queued_requests: 5
              total_queued_bytes: 33554432
            """
        let serving = try await load(yaml).serving
        #expect(serving.queueMilliseconds == 600_000)
        #expect(serving.queuedRequestsPerModel == 3)
        #expect(serving.queuedBytesPerModel == 4_096)
        #expect(serving.queuedRequests == 5)
        #expect(serving.queuedBytes == 33_554_432)
    }

    @Test("spans go to a file, for a hundredth of the calls if nothing else is said")
    func tracing() async throws {
        let none = try await load(nil)
        #expect(none.tracingFile == nil && none.sampleRatio == 0.01)
        let some = try await load("tracing: {file: /tmp/spans, sample_ratio: 0.5}")
        #expect(some.tracingFile == "/tmp/spans" && some.sampleRatio == 0.5)
        for bad in ["1.01", "-0.1", "nan", "much"] {
            let error = await #expect(throws: ServerError.self) {
                try await load("tracing: {sample_ratio: \(bad)}")
            }
            #expect(error?.message.contains("from 0 to 1") == true)
        }
    }

    @Test("the server's queues have to have room for the longest request")
    func queueBelowFrame() async throws {
        let limits = "limits: {frame_bytes: 2000, total_queued_bytes: "
        #expect(try await load(limits + "2000}").serving.queuedBytes == 2_000)
        let error = await #expect(throws: ServerError.self) { try await load(limits + "1999}") }
        #expect(error?.message.contains("at least 'limits.frame_bytes'") == true)
    }

    @Test("a variable of the environment that is empty is an error that names its key")
    func emptyVariable() async {
        let error = await #expect(throws: ServerError.self) {
            try await load(nil, environment: ["STRONGROOM_UNIX_SOCKET": ""])
        }
        #expect(error?.message.contains("'unix_socket'") == true, "\(error?.message ?? "")")
    }

    @Test("a key that is there in two spellings is an error")
    func twice() async {
        let error = await #expect(throws: ServerError.self) {
            try await load("tls.minimum: 1.2\ntls: {minimum: 1.3}\n")
        }
        #expect(error?.message.contains(":2: 'tls.minimum' is there twice") == true)
    }

    @Test("a wildcard is reached at its loopback")
    func reachable() throws {
        #expect(try ListenAddress("0.0.0.0:80").reachable.text == "127.0.0.1:80")
        #expect(try ListenAddress("[::]:80").reachable.text == "[::1]:80")
    }
}
