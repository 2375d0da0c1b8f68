internal import ArgumentParser
internal import Bench
internal import Server
internal import StrongroomClient
internal import TLS
internal import Text
internal import Wire

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Load a server with calls of Predict, and measure it.",
        discussion: """
            Without --rate a call follows an answer (closed loop); with it calls are made when they \
            are due, and a latency counts from then. Several models, and several --rows, are called \
            in turn.
            """
    )

    /// What one input may weigh, in bytes.
    private static let maxInputBytes = 12 << 20

    @Argument(help: "The models.")
    var models: [String]

    @Option(help: "Connections.")
    var connections = 1

    @Option(help: "Calls under way on each connection, without --rate.")
    var depth: Int?

    @Option(help: ArgumentHelp("Calls a second over all connections.", valueName: "calls"))
    var rate: Double?

    @Option(
        help: ArgumentHelp(
            "What the server is told of how long a call may take (default: nothing).",
            valueName: "milliseconds"
        )
    )
    var timeout: Int?

    @Option(help: ArgumentHelp("What is measured.", valueName: "seconds"))
    var duration = 10.0

    @Option(help: ArgumentHelp("What comes before.", valueName: "seconds"))
    var warmUp = 2.0

    @Option(help: ArgumentHelp("Threads that make calls.", valueName: "n"))
    var threads = 1

    @Option(help: ArgumentHelp("Rows of a call; 1,8 for calls of both.", valueName: "n,..."))
    var rows = "1"

    @OptionGroup var inputs: InputOptions

    @Option(help: ArgumentHelp("The alias that answers.", valueName: "name"))
    var alias = "live"

    @Flag(help: "Compare all answers of one version with its first: they have to be the same.")
    var check = false

    @Option(
        help: ArgumentHelp(
            "The server's process, for its processor time (default: the one on the home).",
            valueName: "pid"
        )
    )
    var pid: Int32?

    @Option(help: ArgumentHelp("A file for a plot of the latencies, SVG.", valueName: "file"))
    var plot: String?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard rate == nil || depth == nil else {
            throw ValidationError("--rate and --depth exclude each other")
        }
        guard timeout.map({ (1...BenchLimits.timeoutMs).contains($0) }) ?? true else {
            throw ValidationError(
                "--timeout is not from 1 to \(BenchLimits.timeoutMs) milliseconds"
            )
        }
        guard inputs.isEmpty || models.count == 1 else {
            throw ValidationError("inputs are for one model; \(models.count) are named")
        }
    }

    func run() async throws {
        try inputs.check()
        let endpoint = try server.endpoint()
        let requests = try await StrongroomClient.with(endpoint) { try await makeRequests($0) }
        var plan = LoadPlan(
            host: endpoint.host,
            port: endpoint.port,
            tls: try TLSContext.client(
                authorityPath: endpoint.authority,
                certificatePath: endpoint.certificate,
                keyPath: endpoint.key
            ),
            requests: requests,
            connections: connections,
            pace: rate.map { .open(callsPerSecond: $0) } ?? .closed(depth: depth ?? 1),
            warmUp: .seconds(warmUp),
            duration: .seconds(duration),
            threads: threads
        )
        plan.checks = check
        let run: LoadRun
        do {
            run = try LoadRun(plan, process: process)
        } catch let error as BenchError {
            throw UsageError(error.message)
        }
        let result = try await run.run()
        if let plot { try writePlot(result, to: plot) }
        let report = BenchReport(result, plan)
        output.write(report.json) { report.text }
        guard result.answered > 0, result.failed == 0, result.unanswered == 0,
            result.answers.wrong == 0
        else { throw ExitCode.failure }
    }

    /// The process whose time is counted: on another machine there is none.
    private var process: MeasuredProcess? {
        if let pid { return MeasuredProcess(pid: pid) }
        guard server.server == nil else { return nil }
        return LockHolder.pid(ofFile: server.home.value.store + "/lock").map {
            MeasuredProcess(pid: $0)
        }
    }

    // MARK: Calls

    private func makeRequests(_ client: StrongroomClient) async throws -> [LoadPlan.Request] {
        let counts = try rows.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let count = Int(part), count > 0 else {
                throw UsageError("--rows \(quoted(rows)): expected numbers above 0, as in 1,8")
            }
            return count
        }
        var requests: [LoadPlan.Request] = []
        for model in models {
            let spec = V1.ModelSpec(name: model, selector: .alias(alias))
            let described = try await client.describe(spec)
            for count in counts {
                let tensors = try tensors(described, rows: count)
                let message = V1.PredictRequest(model: spec, inputs: tensors)
                try await client.checkSize(of: message)
                let name = counts.count == 1 ? model : "\(model) x \(count)"
                requests.append(
                    .init(
                        name: name,
                        service: "Prediction",
                        method: "Predict",
                        timeout: timeout.map { .milliseconds($0) },
                        message
                    )
                )
            }
        }
        return requests
    }

    private func tensors(_ model: V1.GetModelResponse, rows: Int) throws -> [V1.Tensor] {
        let given = try inputs.tensors(of: model)
        return try model.inputs.compactMap { spec in
            if let tensor = given.first(where: { $0.name == spec.name }) { return tensor }
            return spec.optional
                ? nil : try SampleInput.tensor(spec, rows: rows, maxBytes: Self.maxInputBytes)
        }
    }

    // MARK: Plot

    private func writePlot(_ result: LoadResult, to path: String) throws {
        var curves = result.kinds.map { (name: $0.name, latencies: $0.latencies) }
        if curves.count > 1 { curves.insert((name: "all", latencies: result.latencies), at: 0) }
        let title = "Latency of Predict, \(result.answered) calls"
        let document = LatencyPlot(title: title, curves: curves).svg
        try Files.write(path, text: document, mode: 0o644)
    }
}
