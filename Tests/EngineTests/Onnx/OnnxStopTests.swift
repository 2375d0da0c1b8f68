import Engine
import Foundation
import Testing
import Text

@Suite("Ending a run of ONNX Runtime")
struct OnnxStopTests {
    @Test("a run that would take for ever ends when it is told to")
    func endlessRunEnds() async throws {
        let model = try Fixtures.load("endless")
        let begun = DispatchSemaphore(value: 0)
        let inputs = [
            InputTensor(
                name: "times",
                type: .int64,
                shape: [],
                bytes: SignallingBytes(bytes([Int64.max]), begun)
            ),
            InputTensor(
                name: "state",
                type: .fp32,
                shape: [64, 64],
                bytes: SignallingBytes(bytes([Float](repeating: 0, count: 64 * 64)), begun)
            ),
        ]
        let stop = RunStop()
        // On threads of their own: a run that does not end must not hold the pool.
        let result = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    returning: Result { try model.run(inputs, outputs: [], stop: stop).count }
                )
            }
            Thread.detachNewThread {
                begun.wait()
                stop.stop()
            }
        }
        let error = try engineError { _ = try result.get() }
        #expect(error.code == .terminated)
    }

    @Test("a run that was stopped before it began does not begin")
    func stoppedBefore() throws {
        let model = try Fixtures.load("scalar")
        let run = try #require(try Fixtures.runs("scalar").first)
        let stop = RunStop()
        stop.stop()
        let inputs = try run.tensors()
        let error = try engineError { _ = try model.run(inputs, outputs: [], stop: stop) }
        #expect(error.code == .terminated)
    }

    @Test("a run with a stop that is not used answers as usual")
    func unusedStop() throws {
        let model = try Fixtures.load("scalar")
        let run = try #require(try Fixtures.runs("scalar").first)
        let outputs = try model.run(try run.tensors(), outputs: [], stop: RunStop())
        #expect(outputs[0].copied() == (try run.outputs[0].bytes()))
    }

    @Test("an error of a run that nobody stopped stays what it is")
    func errorsPass() throws {
        let model = try Fixtures.load("gather")
        let index = InputTensor(name: "index", type: .int64, shape: [1], bytes: bytes([Int64(99)]))
        let error = try engineError { _ = try model.run([index], outputs: [], stop: RunStop()) }
        #expect(error.code == .invalidInput)
    }
}

/// Bytes that say when they are lent, which is when a run begins.
private struct SignallingBytes: TensorBytes {
    private let storage: [UInt8]
    private let lent: DispatchSemaphore

    init(_ bytes: [UInt8], _ lent: DispatchSemaphore) {
        storage = bytes
        self.lent = lent
    }

    var byteCount: Int { storage.count }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        lent.signal()
        return try storage.withBytes(body)
    }
}
