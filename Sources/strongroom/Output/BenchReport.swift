internal import Bench
internal import JSON
internal import Text
internal import Wire

/// What a load measured, for people and for programs.
struct BenchReport {
    private static let quantiles: [(name: String, key: String, value: Double)] = [
        ("P50", "p50", 0.5), ("P90", "p90", 0.9), ("P99", "p99", 0.99), ("P99.9", "p99_9", 0.999),
    ]

    private let result: LoadResult
    private let plan: LoadPlan

    init(_ result: LoadResult, _ plan: LoadPlan) {
        self.result = result
        self.plan = plan
    }

    var text: String {
        var table = Table(
            ["CALLS", "ANSWERS/S"] + Self.quantiles.map { "\($0.name) µs" } + ["MAX µs", "MEAN µs"]
        )
        if result.kinds.count > 1 { table.add(row("all", result.latencies)) }
        for kind in result.kinds { table.add(row(kind.name, kind.latencies)) }
        return ([heading, table.text] + remarks).joined(separator: "\n")
    }

    private var heading: String {
        let load =
            switch plan.pace {
            case .closed(let depth): "\(depth) calls under way on each"
            case .open(let rate): "\(Decimal.text(rate, digits: 0)) calls a second in all"
            }
        return "\(plan.connections) connections, \(load), "
            + "\(Decimal.text(result.seconds, digits: 1)) s"
    }

    private func row(_ name: String, _ latencies: Histogram) -> [String] {
        let rate = result.seconds > 0 ? Double(latencies.count) / result.seconds : 0
        let values =
            Self.quantiles.map { latencies.value(at: $0.value) } + [
                latencies.max, UInt64(latencies.mean),
            ]
        return [name, Decimal.text(rate, digits: 0)]
            + values.map { Decimal.text(Double($0) / 1_000, digits: 1) }
    }

    private var remarks: [String] {
        var lines: [String] = []
        if let cpu = result.cpuMicrosecondsPerAnswer, let server = result.server {
            lines.append(
                "server: \(Decimal.text(cpu, digits: 1)) µs of processor time an answer, "
                    + "\(ByteCount.text(server.residentBytes)) resident"
            )
        }
        for (code, count) in failures { lines.append("failed: \(count) \(code)") }
        if result.failed > 0 {
            let p99 = Double(result.failureLatencies.value(at: 0.99)) / 1_000
            lines.append("99 of 100 failures came within \(Decimal.text(p99, digits: 1)) µs")
        }
        if result.unanswered > 0 { lines.append("without an answer: \(result.unanswered)") }
        if result.notMade > 0 {
            lines.append("due and not made, too many were under way: \(result.notMade)")
        }
        if plan.checks {
            lines.append("wrong: \(result.answers.wrong)")
            for (version, count) in versions {
                lines.append("version \(version): \(count) answers")
            }
        }
        return lines
    }

    private var versions: [(version: UInt64, count: UInt64)] {
        result.answers.versions.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }

    private var failures: [(code: String, count: UInt64)] {
        result.failures.map { ($0.key.name, $0.value) }.sorted { $0.0 < $1.0 }
    }

    var json: JSONValue {
        let pace =
            switch plan.pace {
            case .closed(let depth): JSONValue.object(["depth": .number(depth)])
            case .open(let rate): JSONValue.object(["rate": .number(Decimal.text(rate, digits: 1))])
            }
        let measured = JSONValue.object([
            "seconds": .number(Decimal.text(result.seconds, digits: 3)),
            "answers": .number(result.answered),
            "answers_per_second": .number(Decimal.text(result.answersPerSecond, digits: 1)),
            "failures": .object(
                failures.map {
                    JSONValue.Member(name: ExactString($0.code), value: .number($0.count))
                }
            ),
            "failure_latency_us": json(result.failureLatencies),
            "unanswered": .number(result.unanswered),
            "not_made": .number(result.notMade),
            "bytes_sent": .number(result.bytesSent),
            "bytes_received": .number(result.bytesReceived),
            "latency_us": json(result.latencies),
            "calls": .array(
                result.kinds.map { kind in
                    .object([
                        "name": .string(kind.name), "answers": .number(kind.latencies.count),
                        "latency_us": json(kind.latencies),
                    ])
                }
            ),
        ])
        return JSONValue.object(["connections": .number(plan.connections)])
            .merging(pace).merging(measured).merging(server).merging(checked)
    }

    private var checked: JSONValue {
        guard plan.checks else { return .object([]) }
        let members = versions.map { version, count in
            JSONValue.Member(name: "\(version)", value: .number(count))
        }
        return .object(["wrong": .number(result.answers.wrong), "versions": .object(members)])
    }

    private var server: JSONValue {
        guard let cpu = result.cpuMicrosecondsPerAnswer, let server = result.server else {
            return .object([])
        }
        return .object([
            "server_cpu_us_per_answer": .number(Decimal.text(cpu, digits: 2)),
            "server_cpu_seconds": .number(Decimal.text(server.cpuSeconds, digits: 2)),
            "server_resident_bytes": .number(server.residentBytes),
        ])
    }

    private func json(_ latencies: Histogram) -> JSONValue {
        func member(_ name: ExactString, _ nanoseconds: Double) -> JSONValue.Member {
            .init(name: name, value: .number(Decimal.text(nanoseconds / 1_000, digits: 1)))
        }
        return .object(
            Self.quantiles.map {
                member(ExactString($0.key), Double(latencies.value(at: $0.value)))
            } + [
                member("max", Double(latencies.max)), member("mean", latencies.mean),
            ]
        )
    }
}
