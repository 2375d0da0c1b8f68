internal import Configuration
package import Logging
internal import NIOCore
package import Platform
package import RPC
internal import Registry
internal import Sealing
package import Serving
package import TLS
internal import Text

/// What the server was told: flags before environment before `strongroom.yaml` before defaults.
package struct ServerConfiguration: Sendable {
    package var listen = ListenAddress(host: "127.0.0.1", port: 8443)
    package var unixSocket: String?
    /// Where keys come from, as for `init --keys`; nil: the home's own folder.
    package var keys: String?
    package var tlsMinimum = TLSVersion.v1_3
    package var drainSeconds = 30
    /// After SIGTERM: how long calls are still taken while the server says that it is not ready.
    package var drainDelaySeconds = 0
    package var rpc = RPCLimits()
    package var serving = ServingLimits()
    package var firstLoad = FirstLoadLimits()
    /// The uploads that one principal may have open.
    package var uploadsPerPrincipal = Limits.uploadsPerPrincipal
    package var logLevel = Logger.Level.info
    package var logFormat = LogFormat.text
    /// What a caller from this machine's loopback needs to read `/metrics`.
    package var metricsLoopback = MetricsLoopback.certificate
    /// Where spans are written to; nil: none are made.
    package var tracingFile: String?
    /// Which part of the calls is recorded that come without a trace of their callers'.
    package var sampleRatio = 0.01
    /// Which models need signed bundles; in the file alone.
    package var signatures: [SignatureRule] = []

    package enum LogFormat: String, Sendable, CaseIterable { case text, json }

    /// `certificate` is what everybody needs, with the role; `open` is nothing.
    package enum MetricsLoopback: String, Sendable, CaseIterable { case certificate, open }

    package init() {}

    /// Every key of `strongroom.yaml` that takes one value.
    static let keys: Set<String> = Set(
        ["listen", "unix_socket", "keys", "tls.minimum", "drain_seconds", "drain_delay_seconds"]
            + ["max_pinned_versions", "keep_previous", "loading.memory_budget_bytes"]
            + ["loading.seconds", "loading.cpu_seconds", "loading.memory_bytes"]
            + ["loading.max_crashes"]
            + ["isolation.minimum", "isolation.growth", "isolation.ring_bytes"]
            + ["isolation.spare_hosts", "isolation.require_sandbox"]
            + ["log.level", "log.format", "metrics.loopback", "tracing.file"]
            + ["tracing.sample_ratio"] + limitKeys.map { "limits." + $0 }
    )

    private static let limitKeys = [
        "frame_bytes", "calls_per_connection", "unsent_bytes", "principal_unsent_bytes",
        "total_unsent_bytes", "connections", "anonymous_connections", "anonymous_idle_seconds",
        "handshakes", "handshake_seconds", "header_seconds", "body_seconds", "write_stall_seconds",
        "queue_milliseconds", "queued_requests", "queued_bytes", "total_queued_requests",
        "total_queued_bytes", "executor_threads", "loop_run_microseconds",
        "run_seconds", "uploads_per_principal",
    ]

    /// Reads the configuration of a home.
    /// - Parameters:
    ///   - flags: values from the command line by their key; they win.
    ///   - trust: the rules by which the file is used or refused. One that names a key command is
    ///     judged as the command.
    /// - Throws: ``ServerError`` that names the key, what was given and what is expected.
    package static func load(
        file: String,
        flags: [String: String],
        environment: [String: String],
        trust: FileTrust = .strict
    ) async throws -> ServerConfiguration {
        var providers: [any ConfigProvider] = [
            provider("flags", flags),
            EnvironmentVariablesProvider(environmentVariables: environment.strongroomVariables),
        ]
        var signatures: [SignatureRule] = []
        var runs: [RunRule] = []
        if Files.isNamed(file) {
            let content = try TrustedFile(file, trust)
            let text = String(
                decoding: ByteOrderMark.removed(from: content.bytes),
                as: UTF8.self
            )
            let read = try ConfigurationFile(text, name: file, known: keys)
            if case .command? = try? read.values["keys"].map(KeySource.parse) {
                try content.check(as: .command)
            }
            providers.append(provider("file", read.values))
            (signatures, runs) = (read.signatures, read.runs)
        }
        var configuration = try ServerConfiguration(ConfigReader(providers: providers))
        configuration.signatures = signatures
        configuration.serving.runRules = runs
        return configuration
    }

    private static func provider(_ name: String, _ values: [String: String]) -> InMemoryProvider {
        InMemoryProvider(
            name: name,
            values: Dictionary(
                uniqueKeysWithValues: values.map { key, value in
                    (
                        AbsoluteConfigKey(key.split(separator: ".").map(String.init)),
                        ConfigValue(.string(value), isSecret: false)
                    )
                }
            )
        )
    }

    private init(_ reader: ConfigReader) throws(ServerError) {
        let values = Values(reader: reader)
        if let text = try values.text("listen") { listen = try ListenAddress(text) }
        unixSocket = try values.text("unix_socket")
        keys = try values.text("keys")
        tlsMinimum = try values.choice(
            "tls.minimum",
            ["1.2": TLSVersion.v1_2, "1.3": .v1_3],
            default: tlsMinimum
        )
        drainSeconds = try values.integer("drain_seconds", 0...86_400, default: drainSeconds)
        drainDelaySeconds = try values.integer(
            "drain_delay_seconds",
            0...3_600,
            default: drainDelaySeconds
        )
        serving.pinnedVersions = try values.integer(
            "max_pinned_versions",
            1...1_000,
            default: serving.pinnedVersions
        )
        serving.keepsPrevious = try values.choice(
            "keep_previous",
            ["true": true, "false": false],
            default: serving.keepsPrevious
        )
        serving.memoryBudgetBytes = try values.integer(
            "loading.memory_budget_bytes",
            64 << 20...1 << 50
        ).map { UInt64($0) }
        logLevel = try values.choice(
            "log.level",
            Dictionary(uniqueKeysWithValues: Logger.Level.allCases.map { ($0.rawValue, $0) }),
            default: logLevel
        )
        logFormat = try values.choice(
            "log.format",
            Dictionary(uniqueKeysWithValues: LogFormat.allCases.map { ($0.rawValue, $0) }),
            default: logFormat
        )
        metricsLoopback = try values.choice(
            "metrics.loopback",
            Dictionary(
                uniqueKeysWithValues: MetricsLoopback.allCases.map { ($0.rawValue, $0) }
            ),
            default: metricsLoopback
        )
        tracingFile = try values.text("tracing.file")
        sampleRatio = try values.ratio("tracing.sample_ratio", default: sampleRatio)
        try readLimits(values)
        try readFirstLoad(values)
        try readIsolation(values)
    }

    private mutating func readFirstLoad(_ values: Values) throws(ServerError) {
        let seconds = 1...86_400
        firstLoad.seconds = try values.integer(
            "loading.seconds",
            seconds,
            default: firstLoad.seconds
        )
        firstLoad.cpuSeconds = try values.integer(
            "loading.cpu_seconds",
            seconds,
            default: firstLoad.cpuSeconds
        )
        firstLoad.maxCrashes = try values.integer(
            "loading.max_crashes",
            1...1_000,
            default: firstLoad.maxCrashes
        )
        firstLoad.memoryBytes = UInt64(
            try values.integer(
                "loading.memory_bytes",
                FirstLoadLimits.minMemoryBytes...(1 << 50),
                default: Int(firstLoad.memoryBytes)
            )
        )
    }

    private mutating func readLimits(_ values: Values) throws(ServerError) {
        func limit(_ key: String, _ range: ClosedRange<Int>, _ fallback: Int) throws(ServerError)
            -> Int
        {
            try values.integer("limits." + key, range, default: fallback)
        }
        func seconds(_ key: String, _ fallback: TimeAmount) throws(ServerError) -> TimeAmount {
            .seconds(
                Int64(try limit(key, 1...3_600, Int(fallback.nanoseconds / 1_000_000_000)))
            )
        }
        let many = 1_000_000
        rpc.maxReceiveBytes = try limit(
            "frame_bytes",
            1_024...RPCLimits.frameCeilingBytes,
            rpc.maxReceiveBytes
        )
        rpc.maxCallsInFlight = try limit("calls_per_connection", 1...many, rpc.maxCallsInFlight)
        let unsent = 1_024...(1 << 30)
        rpc.maxUnsentBytes = try limit("unsent_bytes", unsent, rpc.maxUnsentBytes)
        rpc.maxPrincipalUnsentBytes = try limit(
            "principal_unsent_bytes",
            unsent,
            rpc.maxPrincipalUnsentBytes
        )
        rpc.maxTotalUnsentBytes = try limit("total_unsent_bytes", unsent, rpc.maxTotalUnsentBytes)
        rpc.maxConnections = try limit("connections", 1...many, rpc.maxConnections)
        rpc.maxAnonymousConnections = try limit(
            "anonymous_connections",
            1...many,
            rpc.maxAnonymousConnections
        )
        rpc.anonymousIdleTimeout = try seconds("anonymous_idle_seconds", rpc.anonymousIdleTimeout)
        rpc.maxHandshakes = try limit("handshakes", 1...many, rpc.maxHandshakes)
        rpc.handshakeTimeout = try seconds("handshake_seconds", rpc.handshakeTimeout)
        rpc.headerTimeout = try seconds("header_seconds", rpc.headerTimeout)
        rpc.bodyTimeout = try seconds("body_seconds", rpc.bodyTimeout)
        rpc.writeStallTimeout = try seconds("write_stall_seconds", rpc.writeStallTimeout)
        try readQueueLimits(limit)
        rpc.replyRoomTimeout = .milliseconds(Int64(serving.queueMilliseconds))
        serving.executorThreads = try limit("executor_threads", 0...1_024, serving.executorThreads)
        serving.loopRunNs = UInt64(
            1_000 * (try limit("loop_run_microseconds", 0...1_000, Int(serving.loopRunNs / 1_000)))
        )
        serving.runSeconds = try limit(
            "run_seconds",
            ServingLimits.runSecondsRange,
            serving.runSeconds
        )
        uploadsPerPrincipal = try limit(
            "uploads_per_principal",
            1...Limits.maxUploads,
            uploadsPerPrincipal
        )
    }
}

extension ServerConfiguration {
    private mutating func readIsolation(_ values: Values) throws(ServerError) {
        var isolation = IsolationLimits()
        isolation.minimum = try values.choice(
            "isolation.minimum",
            Dictionary(uniqueKeysWithValues: Card.Isolation.allCases.map { ($0.rawValue, $0) }),
            default: isolation.minimum
        )
        isolation.growth = try values.integer(
            "isolation.growth",
            1...1_000_000,
            default: isolation.growth
        )
        isolation.ringBytes = try values.integer(
            "isolation.ring_bytes",
            (1 << 20)...(4 << 30),
            default: isolation.ringBytes
        )
        isolation.spareHosts = try values.integer(
            "isolation.spare_hosts",
            0...16,
            default: isolation.spareHosts
        )
        isolation.requiresSandbox = try values.choice(
            "isolation.require_sandbox",
            ["true": true, "false": false],
            default: isolation.requiresSandbox
        )
        serving.isolation = isolation
    }

    private mutating func readQueueLimits(
        _ limit: (String, ClosedRange<Int>, Int) throws(ServerError) -> Int
    ) throws(ServerError) {
        serving.queueMilliseconds = try limit(
            "queue_milliseconds",
            1...600_000,
            serving.queueMilliseconds
        )
        let requests = 1...1_000_000
        let bytes = 1_024...ServingLimits.maxQueuedBytes
        serving.queuedRequestsPerModel = try limit(
            "queued_requests",
            requests,
            serving.queuedRequestsPerModel
        )
        serving.queuedBytesPerModel = try limit(
            "queued_bytes",
            bytes,
            serving.queuedBytesPerModel
        )
        serving.queuedRequests = try limit(
            "total_queued_requests",
            requests,
            serving.queuedRequests
        )
        serving.queuedBytes = try limit("total_queued_bytes", bytes, serving.queuedBytes)
        guard serving.queuedBytes >= rpc.maxReceiveBytes else {
            throw ServerError(
                "'limits.total_queued_bytes' is \(serving.queuedBytes), expected at least "
                    + "'limits.frame_bytes', which is \(rpc.maxReceiveBytes): a request of that "
                    + "length would never be taken"
            )
        }
    }
}

/// HOST:PORT, `[ADDRESS]:PORT` for IPv6; port 0 takes a free one.
package struct ListenAddress: Sendable, Equatable {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// - Throws: ``ServerError`` that names the text.
    package init(_ text: String) throws(ServerError) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { throw ServerError("\(quoted(text)) is no address: expected HOST:PORT") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw ServerError("\(quoted(text)) is no address: an IPv6 address stands in brackets")
        }
        guard !host.isEmpty else {
            throw ServerError("\(quoted(text)) is no address: the host is missing")
        }
        self.init(host: host, port: Int(port))
    }

    /// The address that reaches a server here: a wildcard is written as its loopback.
    package var reachable: ListenAddress {
        switch host {
        case "0.0.0.0": ListenAddress(host: "127.0.0.1", port: port)
        case "::": ListenAddress(host: "::1", port: port)
        default: self
        }
    }

    package var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Typed reads with messages that name the key. All values are read as text: what a key takes is
/// decided here, whichever source said it.
private struct Values {
    let reader: ConfigReader

    /// - Throws: ``ServerError`` for a value without a character, which no key takes: whoever wrote
    ///   it does not mean the default.
    func text(_ key: String) throws(ServerError) -> String? {
        // A number or a truth value of YAML is its text here.
        let text = reader.string(forKey: ConfigKey(key.split(separator: ".").map(String.init)))
        guard text != "" else { throw ServerError("\(quoted(key)) has no value") }
        return text
    }

    func integer(
        _ key: String,
        _ range: ClosedRange<Int>,
        default fallback: Int
    ) throws(ServerError) -> Int {
        try integer(key, range) ?? fallback
    }

    /// - Returns: nil where the key is not there.
    func integer(_ key: String, _ range: ClosedRange<Int>) throws(ServerError) -> Int? {
        guard let text = try text(key) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw ServerError(
                "\(quoted(key)) is \(quoted(text)), expected a whole number from "
                    + "\(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// A number from 0 to 1.
    func ratio(_ key: String, default fallback: Double) throws(ServerError) -> Double {
        guard let text = try text(key) else { return fallback }
        guard let number = Double(text), (0...1).contains(number) else {
            throw ServerError("\(quoted(key)) is \(quoted(text)), expected a number from 0 to 1")
        }
        return number
    }

    func choice<Value>(
        _ key: String,
        _ values: [String: Value],
        default fallback: Value
    ) throws(ServerError) -> Value {
        guard let text = try text(key) else { return fallback }
        guard let value = values[text] else {
            throw ServerError(
                "\(quoted(key)) is \(quoted(text)), expected one of "
                    + values.keys.sorted().joined(separator: ", ")
            )
        }
        return value
    }
}

extension [String: String] {
    /// `STRONGROOM_LISTEN` as the variable of the key `listen`.
    fileprivate var strongroomVariables: [String: String] {
        let prefix = "STRONGROOM_"
        let own = filter { $0.key.hasPrefix(prefix) }
        return Dictionary(
            uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
        )
    }
}
