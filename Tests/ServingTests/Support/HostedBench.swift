import Engine
import EngineTesting
import Synchronization
import Testing
import Text

@testable import Serving

/// A version in an engine host, whose runs end as a script says, on threads of its own.
///
/// The model is a fake: a value of a request decides how its run ends, as values of real requests do.
final class HostedBench: Sendable {
    /// The first number of a request whose run ends the process.
    static let poison: Float = 666
    /// The first number of a request whose run another process ends.
    static let lost: Float = 667
    /// The first number of a request whose run goes over its limit.
    static let slow: Float = 668
    /// The first number of a request whose run goes on past its limit, until its host is ended.
    static let endless: Float = 670
    /// The first number of a request whose run finds no memory.
    static let large: Float = 669

    /// The inputs of all runs: the first number of each row.
    private let log: Log
    let gate: Gate
    let executors: Executors
    let bench: BatchBench

    final class Log: Sendable {
        private let runs = Mutex<[[Float]]>([])
        func add(_ rows: [Float]) { runs.withLock { $0.append(rows) } }
        var all: [[Float]] { runs.withLock { $0 } }
    }

    /// - Parameters:
    ///   - threads: Threads of the version.
    ///   - losesFirst: Runs that another process ends, whatever they hold.
    init(
        threads: Int = 1,
        maxRows: Int = 512,
        losesFirst: Int = 0,
        runSeconds: Int = 30,
        cost: RunCost = RunCost(),
        gate: Gate = Gate(isOpen: true)
    ) throws {
        let log = Log()
        let losses = Mutex(losesFirst)
        self.log = log
        self.gate = gate
        executors = Executors(
            threads: threads,
            bound: ServingLimits().queueBound,
            isShared: false
        )
        let script = FakeScript(
            runGate: gate,
            answer: .compute { inputs throws(EngineError) in
                let input = inputs[0]
                let numbers = floats(input.bytes.copied())
                let rows = stride(from: 0, to: numbers.count, by: 4).map { numbers[$0] }
                log.add(rows)
                let isLost = losses.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if rows.contains(Self.endless) { Self.outlast(seconds: runSeconds) }
                try Self.end(rows, isLost: isLost)
                return [
                    OutputTensor(name: "y", type: .fp32, shape: input.shape, bytes: input.bytes)
                ]
            }
        )
        bench = try BatchBench(
            script,
            plan: .merging(maxRows: maxRows),
            cost: cost,
            executors: executors,
            runSeconds: runSeconds
        )
    }

    /// Takes as long as a channel needs to end a host whose run has reached its limit, and longer
    /// than a run in the server may.
    private static func outlast(seconds: Int) {
        let endsAtNs = MonotonicTime.nowNs + UInt64(seconds) * 1_000_000_000 + 500_000_000
        while MonotonicTime.nowNs < endsAtNs {
            _ = CountingSemaphore().wait(untilNs: endsAtNs)
        }
    }

    private static func end(_ rows: [Float], isLost: Bool) throws(EngineError) {
        if isLost || rows.contains(lost) {
            throw EngineError(.processLost, "the model's process was ended (SIGKILL)")
        }
        if rows.contains(poison) {
            throw EngineError(
                .processEnded,
                "the model's process ended while it ran this input (SIGFPE)"
            )
        }
        if rows.contains(slow) || rows.contains(endless) {
            throw EngineError(.overTime, "the host was ended")
        }
        if rows.contains(large) { throw EngineError(.outOfMemory, "there is no memory") }
    }

    /// The first numbers of the rows of each run.
    var runs: [[Float]] { log.all }

    /// How often a request with this first number was run, in company or alone.
    func runs(of first: Float) -> Int { runs.joined().count { $0 == first } }

    /// Queues requests so that they run in one batch: the threads are held until all are there.
    func submitTogether(_ jobs: [Job]) async throws {
        gate.close()
        let arrived = gate.arrived
        try submit(bench.job(-1, first: -1))
        await gate.waitForArrivals(arrived + 1)
        for job in jobs { try submit(job) }
        gate.open()
    }

    /// Queues a request with its place taken.
    func submit(_ job: Job) throws {
        let full = bench.admission.enter(bytes: job.request.heldBytes, limits: ServingLimits())
        try #require(full == nil)
        try executors.submit(job)
    }
}
