import Engine
import EngineTesting
import Testing
import Text

@testable import Serving

@Suite("A run of several requests")
struct BatchRunTests {
    @Test("each request gets its own rows of the one run")
    func rows() throws {
        let bench = try BatchBench(FakeScript(answer: computing { x, _ in x.map { $0 * 2 } }))
        let jobs = [
            bench.job(0, rows: 1, first: 0), bench.job(1, rows: 3, first: 100),
            bench.job(2, rows: 2, first: 200),
        ]
        BatchRun(jobs).run()
        #expect(bench.engine.runs == 1)
        for (id, rows, first) in [(0, 1, Float(0)), (1, 3, 100), (2, 2, 200)] {
            let prediction = try #require(try bench.answer(id)?.get())
            #expect(prediction.outputs[0].shape == [Int64(rows), 4])
            #expect(prediction.rows == UInt64(rows) && prediction.batchRows == 6)
            let expected = (0..<rows * 4).map { (first + Float($0)) * 2 }
            #expect(try bench.numbers(id) == expected)
        }
    }

    @Test("a request whose answer holds a NaN is run again alone")
    func nan() throws {
        let bench = try BatchBench(
            FakeScript(
                answer: computing { x, shape in
                    x.map { $0 == 100 ? Float(nan: shape[0] > 1 ? 1 : 2, signaling: false) : $0 }
                }
            )
        )
        BatchRun([bench.job(0, first: 0), bench.job(1, first: 100), bench.job(2, first: 200)]).run()
        #expect(bench.engine.runs == 2)
        #expect(try bench.answer(0)?.get().batchRows == 3)
        #expect(try bench.answer(1)?.get().batchRows == 1)
        let alone = try #require(try bench.numbers(1)?.first)
        #expect(alone.bitPattern == Float(nan: 2, signaling: false).bitPattern)
        #expect(try bench.numbers(2)?.first == 200)
    }

    @Test("a request that does not fit the model does not reach its company")
    func refused() throws {
        let bench = try BatchBench()
        BatchRun([bench.job(0), bench.job(1, name: "z"), bench.job(2)]).run()
        #expect(bench.engine.runs == 1)
        guard case .failure(let error)? = bench.answer(1) else {
            Issue.record("the request was answered")
            return
        }
        #expect(error.code == .invalidArgument)
        #expect(error.message.contains("'z'"))
        for id in [0, 2] { #expect(try bench.answer(id)?.get().batchRows == 2) }
    }

    @Test(
        "a request that the model fails on fails alone, however it fails",
        arguments: 0..<5,
        [EngineError.Code.invalidInput, .runtimeFailed, .outOfMemory, .unavailable, .unsupported]
    )
    func failing(culprit: Int, code: EngineError.Code) throws {
        let poison: Float = 666
        let bench = try BatchBench(
            FakeScript(
                answer: .compute { inputs throws(EngineError) in
                    guard !floats(inputs[0].bytes.copied()).contains(poison) else {
                        throw EngineError(code, "an index out of range")
                    }
                    return [
                        OutputTensor(
                            name: "y",
                            type: .fp32,
                            shape: inputs[0].shape,
                            bytes: inputs[0].bytes
                        )
                    ]
                }
            )
        )
        let jobs = (0..<5).map { bench.job($0, first: $0 == culprit ? poison : Float($0)) }
        BatchRun(jobs).run()
        for id in 0..<5 {
            if id == culprit {
                #expect(throws: ServingError.self) { try bench.answer(id)?.get() }
            } else {
                #expect(try bench.numbers(id)?.first == Float(id))
            }
        }
    }

    @Test("a request that nobody waits for costs no run")
    func cancelled() throws {
        let bench = try BatchBench()
        BatchRun([bench.job(0, isCancelled: true), bench.job(1, isCancelled: true)]).run()
        #expect(bench.engine.runs == 0)
        BatchRun([bench.job(2, isCancelled: true), bench.job(3), bench.job(4)]).run()
        #expect(try bench.answer(3)?.get().batchRows == 2)
        guard case .failure(let error)? = bench.answer(2) else {
            Issue.record("the request was answered")
            return
        }
        #expect(error.code == .cancelled)
    }

    @Test("an output without a row for each of the input's is not cut: each request runs by itself")
    func otherRows() throws {
        let bench = try BatchBench(
            FakeScript(
                answer: .compute { inputs in
                    [
                        OutputTensor(
                            name: "y",
                            type: .fp32,
                            shape: [1, 4],
                            bytes: Array(inputs[0].bytes.copied().prefix(16))
                        )
                    ]
                }
            )
        )
        BatchRun([bench.job(0, first: 1), bench.job(1, first: 9)]).run()
        #expect(try bench.numbers(0) == [1, 2, 3, 4])
        #expect(try bench.numbers(1) == [9, 10, 11, 12])
    }

    @Test("texts are cut where each request's elements end, empty ones included")
    func texts() throws {
        func tensor(_ words: [String], columns: Int) -> OutputTensor {
            let bytes = words.flatMap { word -> [UInt8] in
                [UInt8(word.utf8.count), 0, 0, 0] + Array(word.utf8)
            }
            let shape = [Int64(words.count / columns), Int64(columns)]
            return OutputTensor(name: "t", type: .bytes, shape: shape, bytes: bytes)
        }
        let words = ["", "a", "bc", "", "", "def"]
        let parts = try #require(OutputParts([tensor(words, columns: 2)], rows: [1, 2]))
        #expect(parts.outputs(of: 0)[0].copied() == tensor(["", "a"], columns: 2).copied())
        #expect(
            parts.outputs(of: 1)[0].copied() == tensor(["bc", "", "", "def"], columns: 2).copied()
        )
        #expect(OutputParts([tensor(words, columns: 2)], rows: [1, 1]) == nil)
    }

    @Test("a run is ended when nobody waits for any of its requests, and not before")
    func stopped() async throws {
        try await ServingWorld.with {
            $0.executorThreads = 1
        } _: { world in
            let (busy, gate) = (Gate(), Gate())
            world.script("busy", FakeScript(runGate: busy))
            world.script("v1", FakeScript(runGate: gate))
            try await world.publishAndWait("busy", model: "b")
            try await world.publishAndWait("v1", card: "batching: {mode: auto}\n")
            let first = world.begin(model: "b")
            await busy.waitForArrivals(1)
            let cancellations = [Cancellation(), Cancellation()]
            let waiting = cancellations.map { cancellation in
                world.begin(onCancel: { cancellation.register($0) })
            }
            busy.open()
            await gate.waitForArrivals(1)
            #expect(world.engine.runs == 2)
            cancellations[0].cancel()
            #expect(!waiting[0].isAnswered)
            cancellations[1].cancel()
            for answer in waiting {
                guard case .failure(let error) = await answer.value else {
                    Issue.record("the run was not ended")
                    continue
                }
                #expect(error.code == .cancelled)
            }
            #expect(try await first.value.get().version == 1)
        }
    }
}
