import EngineTesting
import Testing
import Text

@testable import Engine

@Suite("The check of a request against a signature")
struct SignatureCheckTests {
    private static let signature = ModelSignature(
        inputs: [
            TensorSpec(name: "x", type: .fp32, shape: [-1, 4]),
            TensorSpec(name: "flags", type: .bool, shape: [3]),
            TensorSpec(name: "text", type: .bytes, shape: [-1]),
            TensorSpec(name: "scale", type: .fp64, shape: []),
        ],
        outputs: [
            TensorSpec(name: "y", type: .fp32, shape: [-1, 3]),
            TensorSpec(name: "z", type: .fp32, shape: []),
        ]
    )

    private static func input(
        _ name: ExactString,
        _ type: ElementType,
        _ shape: [Int64],
        _ bytes: [UInt8]
    ) -> InputTensor {
        InputTensor(name: name, type: type, shape: shape, bytes: bytes)
    }

    /// A request that fits.
    private static let good = [
        input("x", .fp32, [2, 4], [UInt8](repeating: 1, count: 32)),
        input("flags", .bool, [3], [0, 1, 1]),
        input("text", .bytes, [2], encoded([[0x61], []])),
        input("scale", .fp64, [], [UInt8](repeating: 0, count: 8)),
    ]

    /// The good request with one tensor in place of the one of its name.
    private static func request(with tensor: InputTensor) -> [InputTensor] {
        good.map { $0.name == tensor.name ? tensor : $0 }
    }

    @Test("a request that fits passes, in any order")
    func passes() throws {
        try Self.signature.check(Self.good)
        try Self.signature.check(Self.good.reversed())
    }

    @Test("a size of 0 hides at most 65,536 elements of free sizes")
    func hiddenElements() throws {
        func check(_ shape: [Int64], _ declared: [Int64], _ isUnknown: Bool = false) throws {
            let spec = TensorSpec(
                name: "x",
                type: .fp32,
                shape: declared,
                hasUnknownRank: isUnknown
            )
            let signature = ModelSignature(inputs: [spec], outputs: [])
            try signature.check([Self.input("x", .fp32, shape, [])])
        }
        let limit = EngineLimits.maxHiddenElements
        try check([0, limit], [-1, -1])
        try check([limit / 4, 0, 4], [-1, -1, 4])
        try check([0, limit], [], true)
        // The sizes of the model itself are no hidden ones.
        try check([0, 3, 224, 224], [-1, 3, 224, 224])
        try check([0, 1, 224, 1024], [-1, -1, 224, 1024])
        for (shape, declared) in [
            ([0, limit + 1], [-1, -1]), ([limit + 1, 0], [-1, -1]),
            ([limit / 4 + 1, 0, 4], [-1, -1, 4]), ([2, 0, 224, 1024], [-1, -1, 224, 1024]),
        ] as [([Int64], [Int64])] {
            let error = try engineError { try check(shape, declared) }
            #expect(error.code == .invalidInput)
            let text = "[" + shape.map(String.init).joined(separator: ", ") + "]"
            #expect(
                error.message == "input 'x' has shape \(text) without elements: its other sizes "
                    + "may multiply to at most 65536"
            )
        }
        let error = try engineError { try check([0, limit + 1], [], true) }
        #expect(error.message.contains("may multiply to at most 65536"))
    }

    @Test("no rows at all are a request too")
    func emptyBatch() throws {
        try Self.signature.check(Self.request(with: Self.input("x", .fp32, [0, 4], [])))
        try Self.signature.check(Self.request(with: Self.input("text", .bytes, [0], [])))
    }

    @Test(
        "a tensor that does not fit is refused with what is wrong and what is expected",
        arguments: [
            (
                input("x", .fp64, [2, 4], [UInt8](repeating: 0, count: 64)),
                "input 'x' is FP64, the model takes FP32"
            ),
            (
                input("x", .fp32, [8], [UInt8](repeating: 0, count: 32)),
                "input 'x' has shape [8], the model takes 2 dimensions: [-1, 4]"
            ),
            (
                input("x", .fp32, [2, 5], [UInt8](repeating: 0, count: 40)),
                "input 'x' has shape [2, 5], the model takes [-1, 4]: dimension 1 must be 4"
            ),
            (
                input("x", .fp32, [-1, 4], []),
                "input 'x' has shape [-1, 4]: a size cannot be negative"
            ),
            (
                input("x", .fp32, [1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0]),
                "input 'x' has 9 dimensions, at most 8 are taken"
            ),
            (
                input("x", .fp32, [536_870_912, 4], []),
                "input 'x' has shape [536870912, 4], more than 2147483647 elements"
            ),
            (
                input("x", .fp32, [.max, 4], []),
                "input 'x' has shape [9223372036854775807, 4], more than 2147483647 elements"
            ),
            (
                input("x", .fp32, [2, 4], [UInt8](repeating: 0, count: 31)),
                "input 'x' has 31 bytes of data, shape [2, 4] of FP32 takes 32"
            ),
            (
                input("x", .fp32, [0, 4], [0]),
                "input 'x' has 1 bytes of data, shape [0, 4] of FP32 takes 0"
            ),
            (
                input("flags", .bool, [3], [0, 1, 2]),
                "input 'flags' has a BOOL that is neither 0 nor 1, at element 2"
            ),
            (
                input("scale", .fp64, [1], [UInt8](repeating: 0, count: 8)),
                "input 'scale' has shape [1], the model takes 0 dimensions: []"
            ),
            (
                input("text", .bytes, [2], encoded([[0x61]])),
                "input 'text' has 1 BYTES elements, its shape says 2"
            ),
            (
                input("text", .bytes, [1], encoded([[0x61], [0x62]])),
                "input 'text' has 5 bytes after its 1 BYTES elements"
            ),
            (
                input("text", .bytes, [1], [1, 0, 0]),
                "input 'text' ends inside the length of BYTES element 0"
            ),
            (
                input("text", .bytes, [1], [2, 0, 0, 0, 0x61]),
                "input 'text' has a BYTES element 0 of 2 bytes, 1 are left"
            ),
            (
                input("text", .bytes, [1], [0xFF, 0xFF, 0xFF, 0xFF]),
                "input 'text' has a BYTES element 0 of 4294967295 bytes, 0 are left"
            ),
        ]
    )
    func refuses(tensor: InputTensor, message: String) throws {
        let error = try engineError { try Self.signature.check(Self.request(with: tensor)) }
        #expect(error.code == .invalidInput)
        #expect(error.message == message)
    }

    @Test("the most elements there may be pass, one more do not")
    func elementLimit() throws {
        let limit = EngineLimits.maxElements
        #expect(TensorShape.elementCount([limit]) == Int(limit))
        #expect(TensorShape.elementCount([limit + 1]) == nil)
        #expect(TensorShape.elementCount([1 << 16, 1 << 15]) == nil)
        #expect(TensorShape.elementCount([0, limit]) == 0)
        #expect(TensorShape.elementCount([limit, limit, 0]) == nil)
        #expect(TensorShape.elementCount([.max, .max, .max]) == nil)
        #expect(TensorShape.elementCount([]) == 1)
        #expect(TensorShape.elementCount([-1]) == nil)
    }

    @Test("a name that the model does not have is refused with those that it has")
    func unknownName() throws {
        let error = try engineError {
            try Self.signature.check([Self.input("X", .fp32, [1, 4], [])])
        }
        #expect(
            error.message == "unknown input 'X', the model has "
                + "'x', 'flags', 'text', 'scale'"
        )
    }

    @Test("an input that is given twice is refused")
    func duplicate() throws {
        let error = try engineError { try Self.signature.check(Self.good + [Self.good[1]]) }
        #expect(error.message == "input 'flags' is given twice")
    }

    @Test("an input that is missing is named with what it takes")
    func missing() throws {
        let error = try engineError { try Self.signature.check(Array(Self.good.dropFirst())) }
        #expect(error.message == "input 'x' is missing: FP32 [-1, 4]")
    }

    @Test("1,024 tensors pass, 1,025 are refused before any is looked at")
    func tensorLimit() throws {
        let names = (0..<1_024).map { ExactString("x\($0)") }
        let signature = ModelSignature(
            inputs: names.map { TensorSpec(name: $0, type: .uint8, shape: []) },
            outputs: []
        )
        let inputs = names.map { Self.input($0, .uint8, [], [1]) }
        for inputs in [inputs, inputs.reversed(), inputs.shuffled()] { try signature.check(inputs) }
        let error = try engineError { try signature.check(inputs + [inputs[0]]) }
        #expect(error.message == "1025 input tensors, at most 1024 are taken")
        for index in [0, 63, 64, 127, 128, 1_023] {
            let without = inputs.filter { $0.name != names[index] }
            let missing = try engineError { try signature.check(without) }
            #expect(missing.message == "input 'x\(index)' is missing: UINT8 []")
        }
        let unknown = try engineError {
            try signature.check([Self.input("y", .uint8, [], [1])])
        }
        #expect(unknown.message.hasSuffix("'x15' and 1008 more"))
    }

    @Test("an input beyond the first 64 that is given twice is refused", arguments: [0, 64, 99])
    func lateDuplicate(index: Int) throws {
        let names = (0..<100).map { ExactString("x\($0)") }
        let signature = ModelSignature(
            inputs: names.map { TensorSpec(name: $0, type: .uint8, shape: []) },
            outputs: []
        )
        let inputs = names.map { Self.input($0, .uint8, [], [1]) }
        let error = try engineError { try signature.check(inputs + [inputs[index]]) }
        #expect(error.message == "input 'x\(index)' is given twice")
    }

    @Test("an optional input may be left out, and is checked when it is there")
    func optional() throws {
        let signature = ModelSignature(
            inputs: [
                TensorSpec(name: "scale", type: .uint8, shape: [1], isOptional: true),
                TensorSpec(name: "x", type: .uint8, shape: [-1]),
            ],
            outputs: []
        )
        let x = Self.input("x", .uint8, [2], [1, 2])
        try signature.check([x])
        try signature.check([x, Self.input("scale", .uint8, [1], [1])])
        let error = try engineError {
            try signature.check([x, Self.input("scale", .uint8, [2], [1, 2])])
        }
        #expect(error.message.contains("'scale' has shape [2], the model takes [1]"))
        let missing = try engineError { try signature.check([]) }
        #expect(missing.message == "input 'x' is missing: UINT8 [-1]")
    }

    @Test("an input of unknown rank takes any shape within the limits")
    func unknownRank() throws {
        let signature = ModelSignature(
            inputs: [TensorSpec(name: "x", type: .uint8, shape: [], hasUnknownRank: true)],
            outputs: []
        )
        for shape: [Int64] in [[], [1], [1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1]] {
            try signature.check([Self.input("x", .uint8, shape, [1])])
        }
        let refusals: [([Int64], String)] = [
            ([1, 1, 1, 1, 1, 1, 1, 1, 1], "has 9 dimensions, at most 8 are taken"),
            ([-1], "a size cannot be negative"),
            ([EngineLimits.maxElements + 1], "more than 2147483647 elements"),
            ([2], "has 1 bytes of data, shape [2] of UINT8 takes 2"),
        ]
        for (shape, message) in refusals {
            let error = try engineError {
                try signature.check([Self.input("x", .uint8, shape, [1])])
            }
            #expect(error.message.contains(message))
        }
        let missing = try engineError { try signature.check([]) }
        #expect(missing.message == "input 'x' is missing: UINT8 any shape")
    }

    @Test("outputs are checked by name")
    func outputs() throws {
        try Self.signature.check(outputs: [])
        try Self.signature.check(outputs: ["z", "y"])
        let unknown = try engineError { try Self.signature.check(outputs: ["y", "w"]) }
        #expect(unknown.code == .invalidInput)
        #expect(unknown.message == "unknown output 'w', the model has 'y', 'z'")
        let twice = try engineError { try Self.signature.check(outputs: ["y", "y"]) }
        #expect(twice.message == "output 'y' is asked for twice")
        let many = try engineError {
            try Self.signature.check(outputs: [ExactString](repeating: "y", count: 1_025))
        }
        #expect(many.message == "1025 output names, at most 1024 are taken")
    }

    @Test("Composed and decomposed names are two inputs and two outputs")
    func spellings() throws {
        let names: [ExactString] = ["gr\u{F6}\u{DF}e", "gro\u{308}\u{DF}e"]
        let specs = names.map { TensorSpec(name: $0, type: .uint8, shape: []) }
        let signature = ModelSignature(inputs: specs, outputs: specs)
        let inputs = names.map { Self.input($0, .uint8, [], [1]) }
        try signature.check(inputs)
        for index in 0...1 {
            #expect(try signature.indices(ofOutputs: [names[index]]) == [index])
            let missing = try engineError { try signature.check([inputs[index]]) }
            #expect(missing.message.hasPrefix("input '\(names[1 - index])' is missing"))
            let twice = try engineError { try signature.check([inputs[index], inputs[index]]) }
            #expect(twice.message.contains("is given twice"))
        }
        #expect(try signature.indices(ofOutputs: names.reversed()) == [1, 0])
        let other = ModelSignature(inputs: [specs[0]], outputs: [specs[0]])
        #expect(throws: EngineError.self) { try other.check([inputs[1]]) }
        #expect(throws: EngineError.self) { try other.check(outputs: [names[1]]) }
    }

    @Test("names from outside are cut and made harmless in messages")
    func hostileNames() throws {
        let long = ExactString(String(repeating: "n", count: 10_000))
        let cut = try engineError { try Self.signature.check(outputs: [long]) }
        #expect(cut.message.utf8.count < 200)
        let control = try engineError {
            try Self.signature.check(outputs: ["a\n\u{1B}[31m\u{202E}"])
        }
        #expect(control.message.contains("'a\\n\\u{1b}[31m\\u{202e}'"))
    }
}
