import Engine
import EngineTesting
import Testing
import Text

@Suite("Addresses of inputs")
struct AlignmentTests {
    /// Each distance from an aligned address, one past the alignment included.
    private static let shifts = 0...64

    private func shifted(_ input: InputTensor, by shift: Int) -> InputTensor {
        InputTensor(
            name: input.name,
            type: input.type,
            shape: input.shape,
            bytes: ShiftedBytes(input.bytes.copied(), by: shift)
        )
    }

    private func run(_ name: String, shiftedBy shift: Int) throws {
        let model = try Fixtures.load(name)
        for run in try Fixtures.runs(name) {
            let inputs = try run.tensors().map { shifted($0, by: shift) }
            let outputs = try model.run(inputs, outputs: [], stop: nil)
            for (output, expected) in zip(outputs, run.outputs) {
                #expect(output.copied() == (try expected.bytes()), "\(output.name) at \(shift)")
            }
        }
    }

    @Test(
        "sums have the bits that they have in the runtime's own memory, at every address",
        arguments: shifts
    )
    func sensitiveSums(shift: Int) throws {
        try run("sensitive", shiftedBy: shift)
    }

    @Test(
        "scalars, eight dimensions, two inputs, strings and no elements at every address",
        arguments: shifts
    )
    func shapes(shift: Int) throws {
        for name in ["scalar", "rank8", "two", "mlp_4_8_3_a", "casts", "bf16", "upper"] {
            try run(name, shiftedBy: shift)
        }
    }

    @Test("every element type at every address", arguments: ElementType.allCases)
    func types(type: ElementType) throws {
        let model = try Fixtures.load("types")
        for shift in Self.shifts {
            for count in [0, 1, 5, 1_000] {
                // Each input elsewhere, so that small and large ones are copied side by side.
                let inputs = model.signature.inputs.enumerated().map { index, spec in
                    let elements = spec.type == type ? count : index % 3
                    let bytes = [UInt8](
                        repeating: 1,
                        count: elements * (spec.type.byteCount ?? 0)
                    )
                    let texts = encoded([[UInt8]](repeating: [7, 0, 7], count: elements))
                    return InputTensor(
                        name: spec.name,
                        type: spec.type,
                        shape: [Int64(elements)],
                        bytes: ShiftedBytes(
                            spec.type == .bytes ? texts : bytes,
                            by: (shift + 7 * index) % 65
                        )
                    )
                }
                let outputs = try model.run(inputs, outputs: [], stop: nil)
                for (output, input) in zip(outputs, inputs) {
                    #expect(output.shape == input.shape)
                    #expect(output.copied() == input.bytes.copied())
                }
            }
        }
    }

    @Test("inputs of any sizes, larger than the stack's part, are copied side by side")
    func sizes() throws {
        let model = try Fixtures.load("two")
        for inner in [1, 15, 16, 200, 20_000] {
            let left = (0..<inner * 3).map { Float($0 % 7) }
            let right = (0..<inner).map { Float($0 % 5) }
            func inputs(_ shift: Int) -> [InputTensor] {
                [
                    InputTensor(
                        name: "left",
                        type: .fp32,
                        shape: [3, Int64(inner)],
                        bytes: ShiftedBytes(bytes(left), by: shift)
                    ),
                    InputTensor(
                        name: "right",
                        type: .fp32,
                        shape: [Int64(inner), 1],
                        bytes: ShiftedBytes(bytes(right), by: shift * 3 % 64)
                    ),
                ]
            }
            let expected = try model.run(inputs(0), outputs: ["product"], stop: nil)[0].copied()
            for shift in [1, 4, 8, 16, 32, 63] {
                let outputs = try model.run(inputs(shift), outputs: ["product"], stop: nil)
                #expect(outputs[0].copied() == expected)
            }
        }
    }

    @Test("an output that is a copied input stays good after the run")
    func lentCopies() throws {
        let model = try Fixtures.load("lent")
        for count in [1, 4, 400] {
            let values = (0..<count).map { Float($0) }
            let input = InputTensor(
                name: "x",
                type: .fp32,
                shape: [Int64(count)],
                bytes: ShiftedBytes(bytes(values), by: 4)
            )
            let outputs = try model.run([input], outputs: [], stop: nil)
            // Other runs reuse the memory of the copy.
            for _ in 0..<4 { _ = try model.run([shifted(input, by: 12)], outputs: [], stop: nil) }
            #expect(outputs[0].copied() == bytes(values))
            #expect(outputs[2].copied() == bytes(values.map { -$0 }))
        }
    }
}
