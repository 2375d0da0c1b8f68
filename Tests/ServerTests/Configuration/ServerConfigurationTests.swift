import Foundation
import RPC
import Registry
import Serving
import Testing
import Text

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

    @Test("the uploads of a principal are 8, or another number up to all of them")
    func uploadsPerPrincipal() async throws {
        #expect(try await load(nil).uploadsPerPrincipal == 8)
        for number in [1, 16] {
            let read = try await load("limits: {uploads_per_principal: \(number)}")
            #expect(read.uploadsPerPrincipal == number)
        }
        for wrong in ["0", "17", "-1", "all"] {
            let error = await #expect(throws: ServerError.self) {
                try await load("limits: {uploads_per_principal: \(wrong)}")
            }
            #expect(error?.message.contains("'limits.uploads_per_principal'") == true)
            #expect(error?.message.contains("1 to 16") == true)
        }
    }

    @Test("the settings of engine hosts are read, each at both ends of its range")
    func isolation() async throws {
        let defaults = try await load(nil).serving.isolation
        #expect(defaults.minimum == .auto && defaults.growth == 64)
        #expect((defaults.ringBytes, defaults.spareHosts) == (64 << 20, 1))
        #expect(defaults.requiresSandbox)
        let least = try await load(
            """
            isolation:
              {minimum: none, growth: 1, ring_bytes: 1048576, spare_hosts: 0, require_sandbox: true}
            """
        ).serving.isolation
        #expect(least.minimum == .none && least.growth == 1)
        #expect((least.ringBytes, least.spareHosts) == (1 << 20, 0))
        let most = try await load(
            nil,
            environment: [
                "STRONGROOM_ISOLATION_MINIMUM": "process", "STRONGROOM_ISOLATION_GROWTH": "1000000",
                "STRONGROOM_ISOLATION_RING_BYTES": "4294967296",
                "STRONGROOM_ISOLATION_SPARE_HOSTS": "16",
                "STRONGROOM_ISOLATION_REQUIRE_SANDBOX": "false",
            ]
        ).serving.isolation
        #expect(most.minimum == .process && most.growth == 1_000_000)
        #expect((most.ringBytes, most.spareHosts) == (4 << 30, 16))
        #expect(!most.requiresSandbox)
    }

    @Test("the limit of a run is read, with the rules of some models, of which the first counts")
    func runSeconds() async throws {
        #expect(try await load(nil).serving.runSeconds == 30)
        let variable = ["STRONGROOM_LIMITS_RUN_SECONDS": "86400"]
        #expect(try await load(nil, environment: variable).serving.runSeconds == 86_400)
        let serving = try await load(
            """
            limits: {run_seconds: 20}
            runs:
              - {models: "llm*", run_seconds: 600}
              - {models: "*", run_seconds: 10}
              - {models: "llm-2", run_seconds: 1}
            """
        ).serving
        let card = Card(entry: "model.onnx")
        #expect(serving.runSeconds(of: "llm-2", card: card) == 600)
        #expect(serving.runSeconds(of: "other", card: card) == 10)
        #expect(try await load("runs: []").serving.runSeconds(of: "m", card: card) == 30)
    }

    @Test("a card lowers the limit of a run and never raises it")
    func cardRunSeconds() async throws {
        let serving = try await load("runs: [{models: m, run_seconds: 60}]").serving
        var card = Card(entry: "model.onnx")
        card.runSeconds = 59
        #expect(serving.runSeconds(of: "m", card: card) == 59)
        #expect(serving.runSeconds(of: "n", card: card) == 30)
        card.runSeconds = 61
        #expect(serving.runSeconds(of: "m", card: card) == 60)
    }

    @Test(
        "a rule on runs that is not as it should be is an error with file, line and key",
        arguments: [
            ("runs: 3", ":1: 'runs' takes a list"), ("runs:", ":1: 'runs' takes a list"),
            ("runs:\n- a", ":2: 'runs[0]' takes 'models' and 'run_seconds'"),
            ("runs:\n- {models: a}", ":2: 'runs[0].run_seconds' is missing"),
            ("runs:\n- {run_seconds: 1}", ":2: 'runs[0].models' is missing"),
            (
                "runs:\n- {models: a, run_seconds: 1}\n- {models: a, seconds: 1}",
                ":3: unknown key 'runs[1].seconds', expected 'models' or 'run_seconds'"
            ),
            (
                "runs:\n- {models: a, run_seconds: 0}",
                ":2: 'runs[0].run_seconds' is '0', expected a whole number from 1 to 86400"
            ),
            ("runs:\n- {models: a, run_seconds: 86401}", "'86401', expected a whole number from 1"),
            ("runs:\n- {models: a, run_seconds: soon}", "'soon', expected a whole number from 1"),
            ("runs:\n- {models: '', run_seconds: 1}", "'runs[0].models' has no value"),
            (
                "runs:\n- {models: \(String(repeating: "a", count: 257)), run_seconds: 1}",
                "has 257 bytes, at most 256"
            ),
        ]
    )
    func badRunRules(yaml: String, part: String) async {
        let error = await #expect(throws: ServerError.self) { try await load(yaml) }
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
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
            ("isolation:\n  ring: 3\n", ":2: unknown key 'isolation.ring'"),
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
            ("isolation: {minimum: host}", "'isolation.minimum' is 'host', expected one of auto"),
            ("isolation: {growth: 0}", "from 1 to 1000000"),
            ("isolation: {growth: 1000001}", "from 1 to 1000000"),
            ("isolation: {ring_bytes: 1048575}", "from 1048576 to 4294967296"),
            ("isolation: {ring_bytes: 4294967297}", "from 1048576 to 4294967296"),
            ("isolation: {spare_hosts: -1}", "'isolation.spare_hosts' is '-1'"),
            ("isolation: {spare_hosts: 17}", "from 0 to 16"),
            ("isolation: {require_sandbox: maybe}", "'isolation.require_sandbox' is 'maybe'"),
            ("limits: {run_seconds: 0}", "from 1 to 86400"),
            ("limits: {run_seconds: 86401}", "from 1 to 86400"),
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
