import Engine
import Testing
import Text

@testable import Serving

@Suite("The expected size of results")
struct ResultSizeTests {
    private let proved = RowAnalysis(independence: .proved, precision: .exact)
    private let unproved = RowAnalysis(
        independence: .unproved(reason: "node n"),
        precision: .exact
    )

    private func output(_ shape: [Int64], _ type: ElementType = .fp32) -> TensorSpec {
        TensorSpec(name: "y", type: type, shape: shape)
    }

    private func request(rows: Int64 = 1, heldBytes: Int = 100) -> PredictionRequest {
        PredictionRequest(
            model: "m",
            selector: .alias("live"),
            inputs: [
                InputTensor(
                    name: "x",
                    type: .fp32,
                    shape: [rows],
                    bytes: [UInt8](repeating: 0, count: 4)
                )
            ],
            outputNames: [],
            heldBytes: heldBytes,
            isCancelled: { false },
            completion: { _ in }
        )
    }

    private func result(_ bytes: Int) -> [OutputTensor] {
        let data = [UInt8](repeating: 0, count: bytes)
        return [OutputTensor(name: "y", type: .uint8, shape: [Int64(bytes)], bytes: data)]
    }

    @Test("a shape without free dimensions says how large a result is, before the first one")
    func fixed() {
        let size = ResultSize(outputs: [output([1_000]), output([2, 3])], rows: unproved)
        #expect(!size.isUnknown)
        #expect(size.expected(for: request(rows: 7)) == 4_024)
    }

    @Test("a free first dimension counts the request's rows where that is proved")
    func byRow() {
        let size = ResultSize(outputs: [output([-1, 1_000])], rows: proved)
        #expect(size.expected(for: request()) == 4_000)
        #expect(size.expected(for: request(rows: 7)) == 28_000)
        #expect(size.expected(for: request(rows: .max)) == .max)
        #expect(ResultSize(outputs: [output([-1, 1_000])], rows: unproved).isUnknown)
    }

    @Test(
        "a size that is not declared is unknown until there was a result, and follows the request",
        arguments: [[-1], [-1, -1]]
    )
    func measured(shape: [Int64]) {
        let size = ResultSize(outputs: [output(shape)], rows: unproved)
        #expect(size.isUnknown)
        #expect(size.expected(for: request()) == ServingLimits.unknownResultBytes)
        size.note(result(5_000), of: request())
        #expect(!size.isUnknown)
        #expect(size.expected(for: request()) == 5_000)
        #expect(size.expected(for: request(heldBytes: 10 * 1_024)) == 55_000)
    }

    @Test("texts have no declared size")
    func texts() {
        #expect(ResultSize(outputs: [output([3], .bytes)], rows: proved).isUnknown)
    }

    @Test("a larger result is expected at once, a smaller one by and by")
    func fading() {
        let size = ResultSize(outputs: [output([-1])], rows: unproved)
        size.note(result(100), of: request())
        size.note(result(6_400), of: request())
        #expect(size.expected(for: request()) == 6_400)
        size.note(result(0), of: request())
        #expect(size.expected(for: request()) == 6_300)
    }

    @Test("results larger than the signature says are believed")
    func undeclared() {
        let size = ResultSize(outputs: [output([1])], rows: unproved)
        size.note(result(1_000), of: request())
        #expect(size.expected(for: request()) == 1_000)
    }
}
