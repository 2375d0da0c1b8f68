import Engine
import Foundation
import Hosting
import Text

/// Prints what a run of the 4-8-3 MLP costs in this process, and through a host: processor time of
/// both processes together, and the time of the caller. The host is this program again.
@main
enum HostSpeed {
    /// Rows of a run, and how many runs are timed: 65,536 rows are 1 MiB.
    private static let cases = [(rows: 1, runs: 20_000), (64, 20_000), (65_536, 100)]
    private static let rounds = 5

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            print("usage: HostSpeed LIBRARY MODEL")
            exit(64)
        }
        let model = try load(library: arguments[1], model: arguments[2])
        if arguments.count == 4 { return try serve(model) }
        let host = try SpawnedHost(Array(arguments[1...2]), lanes: 1)
        print(
            "| 4-8-3 MLP, rows | direct, CPU us | hosted, CPU us | more | direct, us | hosted, us |"
        )
        print("|---|---|---|---|---|---|")
        for (rows, runs) in cases {
            let direct = try best(runs, cpuNs: { SpawnedHost.cpuNs(of: 0) }) {
                try model.run([input(rows)], outputs: [], stop: nil)
            }
            let hosted = try best(runs, cpuNs: host.cpuNs) {
                try host.channel.run(
                    [input(rows)],
                    outputs: [],
                    signature: model.signature,
                    rows: model.rowAnalysis,
                    stop: nil
                )
            }
            let figures = [
                direct.cpu, hosted.cpu, hosted.cpu - direct.cpu, direct.wall, hosted.wall,
            ]
            print(
                "| \(rows) | \(figures.map { String(format: "%.1f", $0) }.joined(separator: " | ")) |"
            )
        }
        host.end()
    }

    private static func load(library: String, model: String) throws -> any InferenceModel {
        let file = try Data(contentsOf: URL(filePath: model))
        return try OnnxRuntime(libraryPath: library).load(
            ModelInMemory(entry: [UInt8](file)),
            options: LoadOptions()
        )
    }

    /// The host's side: descriptor 0 is the control socket, 3 the shared memory.
    private static func serve(_ model: any InferenceModel) throws {
        let lanes = try HostLanes(memoryDescriptor: 3)
        precondition(lanes.startThreads(), "the system starts no thread for a lane")
        lanes.serve(model)
        let control = ControlSocket(descriptor: 0, takesDescriptors: true)
        _ = control.send(.message, [], seconds: 1)
        while let frame = control.receive(maxBytes: HostingLimits.maxFrameBytes) {
            lanes.take(frame)
        }
    }

    private static let memory = [UInt8](repeating: 0x3F, count: 65_536 * 16)

    private static func input(_ rows: Int) -> InputTensor {
        InputTensor(
            name: "x",
            type: .fp32,
            shape: [Int64(rows), 4],
            bytes: Rows(bytes: memory, byteCount: rows * 16)
        )
    }

    /// Microseconds of a run, of the best of a few rounds: other work only ever adds.
    private static func best(
        _ runs: Int,
        cpuNs: () -> UInt64,
        _ run: () throws -> [OutputTensor]
    ) throws -> (cpu: Double, wall: Double) {
        var best = (cpu: Double.infinity, wall: Double.infinity)
        for _ in 0..<rounds {
            let (cpu, wall) = (cpuNs(), MonotonicTime.nowNs)
            for _ in 0..<runs { _ = try run() }
            best.cpu = min(best.cpu, Double(cpuNs() - cpu) / Double(runs) / 1_000)
            best.wall = min(best.wall, Double(MonotonicTime.nowNs - wall) / Double(runs) / 1_000)
        }
        return best
    }
}

/// The beginning of an array.
private struct Rows: TensorBytes {
    let bytes: [UInt8]
    let byteCount: Int

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try bytes.withBytes { try body($0.extracting(0..<byteCount)) }
    }
}
