import Engine
import EngineTesting
import Testing
import Text

@testable import Serving

@Suite("Gathered batches")
struct GatheredBatchTests {
    private static func request(_ rows: Int, first: UInt8) -> [InputTensor] {
        let words = InputTensor(
            name: "words",
            type: .bytes,
            shape: [Int64(rows)],
            bytes: (0..<rows).flatMap { [1, 0, 0, 0, first + UInt8($0)] }
        )
        let numbers = InputTensor(
            name: "numbers",
            type: .uint8,
            shape: [Int64(rows), 3],
            bytes: (0..<rows * 3).map { first + UInt8($0) }
        )
        return [words, numbers]
    }

    private static let requests = [(1, 10), (3, 20), (2, 40)].map { rows, first in
        request(rows, first: UInt8(first))
    }

    @Test("A batch has the rows of all requests, in parts or not", arguments: [false, true])
    func rows(inParts: Bool) {
        let batch = GatheredBatch(Self.requests, inParts: inParts)
        #expect(batch.inputs.map(\.shape) == [[6], [6, 3]])
        for (index, input) in batch.inputs.enumerated() {
            let expected = Self.requests.flatMap { $0[index].bytes.copied() }
            #expect(input.bytes.byteCount == expected.count)
            #expect(input.bytes.copied() == expected)
            var joined: [UInt8] = []
            input.bytes.forEachPart { part in
                part.withUnsafeBytes { joined += $0 }
            }
            #expect(joined == expected)
        }
    }

    @Test("The rows of a batch in parts stay where they are")
    func partsAreNotCopied() {
        let first = Self.requests[0][1].bytes
        let batch = GatheredBatch([[Self.requests[0][1]], [Self.requests[1][1]]], inParts: true)
        var addresses: [UnsafeRawPointer?] = []
        batch.inputs[0].bytes.forEachPart { part in
            part.withUnsafeBytes { addresses.append($0.baseAddress) }
        }
        #expect(addresses.count == 2)
        #expect(first.withBytes { $0.withUnsafeBytes { $0.baseAddress } } == addresses[0])
    }
}
