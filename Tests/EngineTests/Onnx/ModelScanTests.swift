import Testing
import Text

@testable import Engine

@Suite("The scan of a model's file")
struct ModelScanTests {
    /// A model whose graph has one tensor with these fields.
    private static func model(tensor: [UInt8]) -> [UInt8] {
        Proto.field(7, Proto.field(5, tensor))
    }

    private static func scan(_ bytes: [UInt8]) throws -> ModelFacts {
        try bytes.withBytes { try ModelScan.facts(of: $0) }
    }

    @Test(
        "data elsewhere is seen however it is written",
        arguments: [
            Proto.number(14, 1),  // the location alone
            Proto.number(14, 1) + Proto.number(14, 0),  // taken back later
            Proto.number(14, 1 << 32 | 1),  // more bits than an enumeration has
            [14 << 3, 0x81, 0x80, 0x80, 0x00],  // more bytes than needed
            [0xF0, 0x80, 0x00, 1],  // a tag of more bytes than needed
            Proto.field(13, Proto.field(1, Array("location".utf8))),  // a path, but no location
        ]
    )
    func dataElsewhere(tensor: [UInt8]) throws {
        let error = try engineError { _ = try Self.scan(Self.model(tensor: tensor)) }
        #expect(error.code == .invalidModel)
    }

    @Test("data in the model passes")
    func dataInside() throws {
        let tensor = Proto.number(14, 0) + Proto.field(9, [14 << 3, 1]) + Proto.field(8, [0x77])
        _ = try Self.scan(Self.model(tensor: tensor))
    }

    @Test("graphs that appear in pieces are all looked at")
    func pieces() throws {
        let bytes = Proto.field(7, []) + Self.model(tensor: Proto.number(14, 1))
        let error = try engineError { _ = try Self.scan(bytes) }
        #expect(error.code == .invalidModel)
    }

    @Test("groups are stepped over, whatever they hold")
    func groups() throws {
        let group: [UInt8] =
            [9 << 3 | 3] + Proto.number(14, 1) + Proto.field(5, [1, 2]) + [
                2 << 3 | 3, 2 << 3 | 4, 1 << 3 | 5, 0, 0, 0, 0, 9 << 3 | 4,
            ]
        _ = try Self.scan(Self.model(tensor: group))
    }

    @Test(
        "bytes that no parser would take are refused",
        arguments: [
            [0x3A, 5, 0],  // a length past the end
            [0x3A],  // no length
            [0x3A, 0x80],  // half a length
            [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],  // a huge one
            [0x08] + [UInt8](repeating: 0x80, count: 10) + [1],  // a number of eleven bytes
            [0x02, 0],  // field 0
            [0x3E, 0],  // kind 6
            [0x3C],  // an end without a beginning
            [0x4B, 0x54],  // a group that ends as another
            [0x4B],  // a group without an end
            [UInt8](repeating: 0x4B, count: 200),  // groups in groups
            [0x0D, 0, 0, 0],  // a short fixed number
            [0x09, 0, 0, 0, 0],  // a short fixed number of eight bytes
        ]
    )
    func malformed(bytes: [UInt8]) throws {
        let error = try engineError { _ = try Self.scan(Proto.field(7, []) + bytes) }
        #expect(error.code == .invalidModel)
        #expect(error.message.hasPrefix("the file is not an ONNX model: "))
    }

    @Test("nesting is bounded")
    func nesting() throws {
        // A graph in an attribute of a node of a graph: three messages each.
        var graph: [UInt8] = []
        for _ in 0..<32 { graph = Proto.field(1, Proto.field(5, Proto.field(6, graph))) }
        _ = try Self.scan(Proto.field(7, graph))
        for _ in 0..<1_000 { graph = Proto.field(1, Proto.field(5, Proto.field(6, graph))) }
        let error = try engineError { _ = try Self.scan(Proto.field(7, graph)) }
        #expect(error.code == .invalidModel)
        #expect(error.message.contains("deeper than 100"))
    }

    @Test("inputs that declare no shape are found")
    func shapeless() throws {
        func input(_ name: String, _ tensor: [UInt8]) -> [UInt8] {
            Proto.field(
                11,
                Proto.field(1, Array(name.utf8)) + Proto.field(2, Proto.field(1, tensor))
            )
        }
        let type = Proto.number(1, 1)
        let graph =
            input("none", type) + input("scalar", type + Proto.field(2, []))
            + input("row", type + Proto.field(2, Proto.field(1, Proto.number(1, 4))))
        #expect(try Self.scan(Proto.field(7, graph)).inputsWithoutShape == ["none"])
    }

    @Test(
        "an operator whose time values decide is found at any depth",
        arguments: ["Loop", "If", "BeamSearch"]
    )
    func timeDependsOnValues(operatorType: String) throws {
        func node(_ type: String, _ attributes: [UInt8] = []) -> [UInt8] {
            Proto.field(1, Proto.field(4, Array(type.utf8)) + attributes)
        }
        func isFound(_ nodes: [UInt8]) throws -> Bool {
            try Self.scan(Proto.field(7, nodes)).timeDependsOnValues
        }
        let operators = node("MatMul") + node(operatorType)
        #expect(try isFound(operators))
        #expect(try isFound(node("Scan", Proto.field(5, Proto.field(6, operators)))))
        // Functions, whose nodes are in field 7.
        let function = Proto.field(25, Proto.field(7, Proto.field(4, Array(operatorType.utf8))))
        #expect(try Self.scan(Proto.field(7, []) + function).timeDependsOnValues)
        #expect(try !isFound(node("MatMul") + node("Scan") + node("Loops")))
    }

    /// A tensor of one FP32 with its data in another file.
    private static func outside(_ name: String, location: String = "w.bin") -> [UInt8] {
        Proto.external(name, shape: [1], location: location)
    }

    @Test("an initializer whose data is elsewhere must be the only one of its name")
    func duplicates() throws {
        let inside = Proto.field(8, Array("w".utf8)) + Proto.field(9, [0, 0, 0, 0])
        let graph = { (tensors: [[UInt8]]) in tensors.flatMap { Proto.field(5, $0) } }
        let (w, v) = (Self.outside("w"), Self.outside("v"))
        #expect(try Self.scan(Proto.field(7, graph([w, v]))).external.map(\.name) == ["w", "v"])
        let repeated: [[UInt8]] = [
            Proto.field(7, graph([w, w])),
            Proto.field(7, graph([w, v, inside])),
            Proto.field(7, graph([inside, w])),
            // Pieces of one graph.
            Proto.field(7, graph([w])) + Proto.field(7, graph([inside])),
        ]
        for bytes in repeated {
            let error = try engineError { _ = try Self.scan(bytes) }
            #expect(error.code == .invalidModel)
            #expect(error.message.contains("tensor 'w'"))
            #expect(error.message.contains("is there twice"))
        }
    }

    @Test("the path of another file has a bounded length")
    func locationLimit() throws {
        let longest = String(repeating: "a", count: EngineLimits.maxLocationBytes)
        let tensor = Self.outside("w", location: longest)
        #expect(
            try Self.scan(Self.model(tensor: tensor)).external.map(\.location) == [
                ExactString(longest)
            ]
        )
        let longer = Self.model(tensor: Self.outside("w", location: longest + "a"))
        let error = try engineError { _ = try Self.scan(longer) }
        #expect(error.code == .invalidModel)
    }

    @Test("the number of tensors whose data is elsewhere is bounded")
    func tensorLimit() throws {
        let limit = EngineLimits.maxExternalTensors
        let tensor = Proto.field(5, Self.outside("w"))
        let graph = [UInt8]((0..<limit).map { _ in tensor }.joined())
        // So many are looked at to the end, where it shows that they have one name.
        let names = try engineError { _ = try Self.scan(Proto.field(7, graph)) }
        #expect(names.message.contains("is there twice"))
        let error = try engineError { _ = try Self.scan(Proto.field(7, graph + tensor)) }
        #expect(error.code == .unsupported)
        #expect(error.message.contains("more than \(limit) tensors"))
    }
}
