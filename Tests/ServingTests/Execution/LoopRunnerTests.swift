import Engine
import EngineTesting
import Glibc
import Synchronization
import Testing
import Text

@testable import Serving

@Suite("Runs on an event loop")
struct LoopRunnerTests {
    private let hop: UInt64 = 25_000
    /// So much that no busy machine makes a run too slow for a loop.
    private let ample: UInt64 = 1 << 40

    /// A runner whose rounds the test ends itself.
    private final class Rounds {
        var scheduled = 0
    }

    private func runner(_ rounds: Rounds) -> LoopRunner {
        LoopRunner { rounds.scheduled += 1 }
    }

    @Test("what came in one round runs together at its end, and one end is asked for")
    func together() throws {
        let rounds = Rounds()
        let runner = runner(rounds)
        let bench = try BatchBench(cost: RunCost(rowNs: 1_000, limitNs: ample))
        for id in 0..<3 {
            #expect(runner.take(bench.job(id, first: Float(id))))
            #expect(bench.answer(id) == nil)
        }
        #expect(rounds.scheduled == 1)
        runner.run()
        #expect(bench.engine.runs == 1)
        for id in 0..<3 {
            #expect(try bench.answer(id)?.get().batchRows == 3)
            #expect(try bench.numbers(id)?.first == Float(id))
        }
        #expect(runner.take(bench.job(3)))
        #expect(rounds.scheduled == 2)
    }

    @Test("what costs a hop or more, or is not known, is left to the executors")
    func tooDear() throws {
        let runner = runner(Rounds())
        #expect(try runner.take(BatchBench(cost: RunCost(rowNs: hop, limitNs: hop)).job(0)))
        #expect(try !runner.take(BatchBench(cost: RunCost(rowNs: hop + 1, limitNs: hop)).job(0)))
        #expect(
            try !runner.take(
                BatchBench(cost: RunCost(rowNs: hop / 2, limitNs: hop)).job(0, rows: 3)
            )
        )
        #expect(try !runner.take(BatchBench(cost: RunCost()).job(0)))
    }

    @Test("a request whose rows have more bytes than was measured is left to the executors")
    func wide() throws {
        let runner = runner(Rounds())
        let cost = RunCost(rowNs: 1, maxRowBytes: 16, limitNs: hop)
        let bench = try BatchBench(cost: cost)
        #expect(runner.take(bench.job(0)))
        #expect(runner.take(bench.job(1, rows: 3)))
        #expect(!runner.take(bench.job(2, columns: 5)))
        #expect(!runner.take(bench.job(3, rows: 3, columns: 5)))
        #expect(runner.take(bench.job(4, columns: 3)))
        #expect(cost.holds(for: [tensor([Int64.max, 0], byteCount: 0)], rows: .max))
    }

    /// An input of so many bytes.
    private func tensor(
        _ shape: [Int64],
        type: ElementType = .fp32,
        byteCount: Int,
        name: ExactString = "x"
    ) -> InputTensor {
        InputTensor(
            name: name,
            type: type,
            shape: shape,
            bytes: [UInt8](repeating: 0, count: byteCount)
        )
    }

    /// The cost of a model with such inputs, measured.
    private func cost(
        _ inputs: [TensorSpec],
        on requests: [[InputTensor]] = []
    ) throws -> RunCost {
        let signature = ModelSignature(
            inputs: inputs,
            outputs: [TensorSpec(name: "y", type: inputs[0].type, shape: [-1, -1])]
        )
        let model = try FakeEngine(FakeScript(signature: signature)).load(
            ModelInMemory(entry: [UInt8]()),
            options: LoadOptions()
        )
        return RunCost(measuring: model, on: requests, plan: .alone(""), limitNs: .max)
    }

    @Test("the bytes of rows count where a row may have another size than those that were measured")
    func measuredWidth() throws {
        let fixed = try cost([TensorSpec(name: "x", type: .fp32, shape: [-1, 4])])
        #expect(fixed.holds(for: [tensor([1, 4], byteCount: 1 << 20)], rows: 1))
        let optional = TensorSpec(name: "o", type: .fp32, shape: [-1, 4], isOptional: true)
        for inputs in [
            [TensorSpec(name: "x", type: .fp32, shape: [-1, -1])],
            [TensorSpec(name: "x", type: .bytes, shape: [-1, 5])],
            [TensorSpec(name: "x", type: .fp32, shape: [-1, 5]), optional],
            [TensorSpec(name: "x", type: .fp32, shape: [], hasUnknownRank: true)],
        ] {
            let type = inputs[0].type
            // Of BYTES these are empty elements.
            let requests = [2, 1].map { rows in
                [tensor([Int64(rows), 5], type: type, byteCount: 20 * rows)]
            }
            let cost = try cost(inputs, on: requests)
            #expect(cost.onLoop(rows: 1, isFirst: true) != nil)
            for rows in 1...3 {
                let shape = [Int64(rows), 5]
                #expect(cost.holds(for: [tensor(shape, byteCount: 20 * rows)], rows: rows))
                #expect(!cost.holds(for: [tensor(shape, byteCount: 20 * rows + 1)], rows: rows))
            }
            // The bytes of all inputs count.
            let two = [
                tensor([1, 5], byteCount: 20), tensor([1, 1], byteCount: 1, name: "o"),
            ]
            #expect(!cost.holds(for: two, rows: 1))
        }
        // The widest of several requests counts.
        let several = try cost(
            [TensorSpec(name: "x", type: .fp32, shape: [-1, -1])],
            on: [[tensor([1, 5], byteCount: 20)], [tensor([1, 2], byteCount: 8)]]
        )
        #expect(several.holds(for: [tensor([1, 5], byteCount: 20)], rows: 1))
        // The generated request of a bundle without golden requests has free dimensions of 2.
        let synthetic = try cost([TensorSpec(name: "x", type: .fp32, shape: [-1, -1])])
        #expect(synthetic.holds(for: [tensor([1, 2], byteCount: 8)], rows: 1))
        #expect(!synthetic.holds(for: [tensor([1, 3], byteCount: 12)], rows: 1))
    }

    @Test("a round takes no more than its share of the loop's time")
    func roundLimit() throws {
        let runner = runner(Rounds())
        let bench = try BatchBench(plan: .alone(""), cost: RunCost(rowNs: 20_000, limitNs: ample))
        let taken = (0..<20).filter { runner.take(bench.job($0)) }
        #expect(taken == Array(0..<10))
        runner.run()
        #expect(bench.engine.runs == 10)
        #expect(runner.take(bench.job(20)))
    }

    @Test("a card's delay is not spent on a loop")
    func delay() throws {
        let runner = runner(Rounds())
        let bench = try BatchBench(
            plan: .merging(maxRows: 8, maxDelayUs: 100),
            cost: RunCost(rowNs: 1, limitNs: hop)
        )
        #expect(!runner.take(bench.job(0)))
    }

    @Test("a version whose runs take far more processor time than measured leaves the loops")
    func surprise() {
        let cost = RunCost(rowNs: 1_000, limitNs: hop)
        cost.ranOnLoop(rows: 1, took: hop * 20, ofProcessor: true)
        #expect(cost.onLoop(rows: 1, isFirst: true) == 1_000)
        cost.ranOnLoop(rows: 1, took: hop * 20 + 1, ofProcessor: true)
        #expect(cost.onLoop(rows: 1, isFirst: true) == nil)
        #expect(cost.onLoop(rows: 1, isFirst: false) == nil)
    }

    @Test("a run that only waited for the processor costs a version nothing")
    func preempted() {
        let cost = RunCost(rowNs: 1_000, limitNs: hop)
        #expect(!cost.begin(onLoop: true).isProcessorTime)
        cost.ranOnLoop(rows: 1, took: hop * 1_000, ofProcessor: false)
        #expect(cost.onLoop(rows: 1, isFirst: true) == 1_000)
        // From here on it is looked at closely, until enough runs were as they should be.
        for _ in 0..<10_000 {
            #expect(cost.begin(onLoop: true).isProcessorTime)
            cost.ranOnLoop(rows: 1, took: 1_000, ofProcessor: true)
        }
        #expect(!cost.begin(onLoop: true).isProcessorTime)
    }

    @Test("who joins a run that waits adds its rows alone, until the run is full")
    func joining() throws {
        let runner = runner(Rounds())
        let bench = try BatchBench(
            plan: .merging(maxRows: 4, maxDelayUs: 0),
            cost: RunCost(runNs: 90_000, rowNs: 100, limitNs: ample)
        )
        // Two runs of four rows fit the round's 200 µs; a third would not.
        #expect((0..<12).filter { runner.take(bench.job($0)) } == Array(0..<8))
        runner.run()
        #expect(bench.engine.runs == 2)
    }

    @Test("a version's cost is measured on what it is known to take")
    func measured() throws {
        func cost(_ script: FakeScript = FakeScript(), limitNs: UInt64 = .max) throws -> RunCost {
            let model = try FakeEngine(script).load(
                ModelInMemory(entry: [UInt8]()),
                options: LoadOptions()
            )
            return RunCost(measuring: model, on: [], plan: .alone(""), limitNs: limitNs)
        }
        #expect(try cost().onLoop(rows: 1, isFirst: true) != nil)
        #expect(try cost(limitNs: 0).onLoop(rows: 1, isFirst: true) == nil)
        for shape in [[], [1, 4]] as [[Int64]] {
            let specs = ["x", "y"].map { TensorSpec(name: $0, type: .fp32, shape: shape) }
            let fixed = FakeScript(
                signature: ModelSignature(inputs: [specs[0]], outputs: [specs[1]])
            )
            #expect(try cost(fixed).onLoop(rows: 1, isFirst: true) != nil)
        }
        let refusing = FakeScript(answer: .fail(EngineError(.invalidInput, "no")))
        #expect(try cost(refusing).onLoop(rows: 1, isFirst: true) == nil)
        let byValues = FakeScript(timeDependsOnValues: true)
        #expect(try cost(byValues).onLoop(rows: 1, isFirst: true) == nil)
    }

    @Test("a slow model is run once to be measured, and its requests wait for no run")
    func measuredSlow() throws {
        let slow = computing { numbers, _ in
            let end = nanoseconds(of: CLOCK_THREAD_CPUTIME_ID) + 2 * RunCost.briefNs
            while nanoseconds(of: CLOCK_THREAD_CPUTIME_ID) < end {}
            return numbers
        }
        let engine = FakeEngine(FakeScript(answer: slow))
        let model = try engine.load(ModelInMemory(entry: [UInt8]()), options: LoadOptions())
        let cost = RunCost(
            measuring: model,
            on: [],
            plan: .merging(maxRows: 64, maxDelayUs: 0),
            limitNs: hop
        )
        #expect(engine.runs == 1)
        #expect(cost.onLoop(rows: 1, isFirst: true) == nil)
        #expect(cost.isWorthRun(rows: 1))
    }

    @Test("a merged version's cost is that of a run and that of a row")
    func measuredTogether() throws {
        let model = try FakeEngine().load(
            ModelInMemory(entry: [UInt8]()),
            options: LoadOptions()
        )
        let cost = RunCost(
            measuring: model,
            on: [],
            plan: .merging(maxRows: 8, maxDelayUs: 0),
            limitNs: ample
        )
        let (first, joining) = (
            try #require(cost.onLoop(rows: 1, isFirst: true)),
            try #require(cost.onLoop(rows: 1, isFirst: false))
        )
        #expect(joining <= first)
    }
}

/// The time of a clock, in nanoseconds.
private func nanoseconds(of clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
