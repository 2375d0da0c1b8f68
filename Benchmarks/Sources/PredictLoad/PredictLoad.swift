import ArgumentParser
import Foundation
import StrongroomClient

/// Calls Predict in a closed loop and prints requests a second, latency, and the server's CPU time
/// a request (user and system, from /proc): the figure that other load on the machine spares.
@main
struct PredictLoad: AsyncParsableCommand {
    @Argument(help: "The model: input x FP32 [-1, 4].") var model: String
    @Option(help: "HOST:PORT.") var server: String
    @Option(help: "The folder of ca.pem and clients/admin.pem.") var tls: String
    @Option(help: "The server's process.") var pid: Int
    @Option(help: "Connections.") var connections = 1
    @Option(help: "Calls under way on each connection.") var depth = 1
    @Option(help: "Seconds measured, after one of warm-up.") var seconds = 5.0

    func run() async throws {
        let colon = server.lastIndex(of: ":") ?? server.endIndex
        let endpoint = StrongroomClient.Endpoint(
            host: String(server[..<colon]), port: Int(server[colon...].dropFirst()) ?? 0,
            authority: tls + "/ca.pem", certificate: tls + "/clients/admin.pem",
            key: tls + "/clients/admin-key.pem")
        var clients: [StrongroomClient] = []
        for _ in 0..<connections { clients.append(try await .connect(to: endpoint)) }
        _ = try await load(clients, seconds: 1)
        let before = try cpuMicroseconds()
        let start = ContinuousClock.now
        var latencies = try await load(clients, seconds: seconds)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        let cpu = try cpuMicroseconds() - before
        latencies.sort()
        let count = latencies.count
        func percentile(_ part: Double) -> String {
            String(format: "%.0f", latencies[min(count - 1, Int(Double(count) * part))])
        }
        let figures = [
            "\(connections)", "\(depth)", String(format: "%.0f", Double(count) / elapsed),
            String(format: "%.1f", cpu / Double(count)), percentile(0.5), percentile(0.99),
        ]
        print("| " + figures.joined(separator: " | ") + " |")
        for client in clients { await client.close() }
    }

    /// The latency of each call in microseconds.
    private func load(_ clients: [StrongroomClient], seconds: Double) async throws -> [Double] {
        let end = ContinuousClock.now + .seconds(seconds)
        return try await withThrowingTaskGroup(of: [Double].self) { group in
            for client in clients {
                for _ in 0..<depth {
                    group.addTask { try await loop(client, until: end) }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func loop(
        _ client: StrongroomClient, until end: ContinuousClock.Instant
    ) async throws -> [Double] {
        let input = Tensor(name: "x", floats: [5.1, 3.5, 1.4, 0.2], shape: [1, 4])
        var latencies: [Double] = []
        while true {
            let start = ContinuousClock.now
            guard start < end else { return latencies }
            _ = try await client.predict(model: model, inputs: [input])
            latencies.append((ContinuousClock.now - start) / .microseconds(1))
        }
    }

    /// User and system time of the server so far (proc(5), fields 14 and 15).
    private func cpuMicroseconds() throws -> Double {
        let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = stat[stat.lastIndex(of: ")")!...].split(separator: " ")
        let ticks = Double(fields[12])! + Double(fields[13])!
        return ticks * 1_000_000 / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
