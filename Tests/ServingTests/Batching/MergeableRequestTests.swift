import Engine
import EngineTesting
import Testing
import Text

@testable import Registry
@testable import Serving

@Suite("Requests that may share a run")
struct MergeableRequestTests {
    private static let signature = ModelSignature(
        inputs: [
            TensorSpec(name: "x", type: .fp32, shape: [-1, -1]),
            TensorSpec(name: "o", type: .fp32, shape: [-1], isOptional: true),
        ],
        outputs: [TensorSpec(name: "y", type: .fp32, shape: [-1, -1])]
    )

    private func slot(_ plan: BatchPlan) throws -> Slot {
        let engine = FakeEngine(FakeScript(signature: Self.signature))
        return Slot(
            id: VersionID(model: "m", version: 1),
            card: Card(entry: "model.bin"),
            model: try engine.load(ModelInMemory(entry: [UInt8]()), options: LoadOptions()),
            plan: plan
        )
    }

    private func tensor(
        _ shape: [Int64],
        name: ExactString = "x",
        type: ElementType = .fp32
    ) -> InputTensor {
        InputTensor(name: name, type: type, shape: shape, bytes: [UInt8]())
    }

    @Test("a request that gives an optional input runs alone")
    func optional() throws {
        let slot = try slot(.merging(maxRows: 8))
        #expect(slot.mergeableRows(of: [tensor([3, 4])]) == 3)
        #expect(slot.mergeableRows(of: [tensor([3, 4]), tensor([3], name: "o")]) == nil)
    }

    @Test("a request that holds a NaN runs alone")
    func nan() throws {
        let slot = try slot(.merging(maxRows: 8))
        for (bits, rows) in [(0x7FC0_0000 as UInt32, nil), (0xFF80_0001, nil), (0x7F80_0000, 1)] {
            let bytes = withUnsafeBytes(of: bits.littleEndian) { [UInt8]($0) }
            let input = InputTensor(name: "x", type: .fp32, shape: [1, 1], bytes: bytes)
            #expect(slot.mergeableRows(of: [input]) == rows)
        }
    }

    @Test("a request of as many rows as a run, or of none, runs alone")
    func rows() throws {
        let slot = try slot(.merging(maxRows: 8))
        #expect(slot.mergeableRows(of: [tensor([7, 4])]) == 7)
        #expect(slot.mergeableRows(of: [tensor([8, 4])]) == nil)
        #expect(slot.mergeableRows(of: [tensor([0, 4])]) == nil)
        #expect(slot.mergeableRows(of: [tensor([])]) == nil)
        #expect(try self.slot(.alone("")).mergeableRows(of: [tensor([1, 4])]) == nil)
    }

    @Test("only the first dimension may differ in one run")
    func agreement() {
        let one = [tensor([1, 4, 5])]
        #expect(BatchShape.agree(one, [tensor([9, 4, 5])]))
        for other in [
            [tensor([1, 4, 6])], [tensor([1, 5, 5])], [tensor([1, 4])], [tensor([1, 4, 5, 1])],
            [tensor([1, 4, 5], name: "z")], [tensor([1, 4, 5], type: .int32)],
            one + [tensor([1])], [],
        ] {
            #expect(!BatchShape.agree(one, other))
        }
    }
}
