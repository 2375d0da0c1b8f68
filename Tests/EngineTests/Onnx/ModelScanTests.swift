import Testing

@testable import Engine

@Suite("The scan of a model's file")
struct ModelScanTests {
    /// A field that holds a message or text.
    private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        varint(UInt64(number) << 3 | 2) + varint(UInt64(content.count)) + content
    }

    private static func number(_ number: UInt8, _ value: UInt64) -> [UInt8] {
        varint(UInt64(number) << 3) + varint(value)
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// A model whose graph has one tensor with these fields.
    private static func model(tensor: [UInt8]) -> [UInt8] {
        field(7, field(5, tensor))
    }

    private static func scan(_ bytes: [UInt8]) throws -> ModelFacts {
        try bytes.withBytes { try ModelScan.facts(of: $0) }
    }

    @Test(
        "data elsewhere is seen however it is written",
        arguments: [
            number(14, 1),  // the location alone
            number(14, 1) + number(14, 0),  // taken back later
            number(14, 1 << 32 | 1),  // more bits than an enumeration has
            [14 << 3, 0x81, 0x80, 0x80, 0x00],  // more bytes than needed
            [0xF0, 0x80, 0x00, 1],  // a tag of more bytes than needed
            field(13, field(1, Array("location".utf8))),  // a path, but no location
        ]
    )
    func dataElsewhere(tensor: [UInt8]) throws {
        let error = try engineError { _ = try Self.scan(Self.model(tensor: tensor)) }
        #expect(error.code == .invalidModel)
    }

    @Test("data in the model passes")
    func dataInside() throws {
        let tensor = Self.number(14, 0) + Self.field(9, [14 << 3, 1]) + Self.field(8, [0x77])
        _ = try Self.scan(Self.model(tensor: tensor))
    }

    @Test("graphs that appear in pieces are all looked at")
    func pieces() throws {
        let bytes = Self.field(7, []) + Self.model(tensor: Self.number(14, 1))
        let error = try engineError { _ = try Self.scan(bytes) }
        #expect(error.code == .invalidModel)
    }

    @Test("groups are stepped over, whatever they hold")
    func groups() throws {
        let group: [UInt8] =
            [9 << 3 | 3] + Self.number(14, 1) + Self.field(5, [1, 2]) + [
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
        let error = try engineError { _ = try Self.scan(Self.field(7, []) + bytes) }
        #expect(error.code == .invalidModel)
        #expect(error.message.hasPrefix("the file is not an ONNX model: "))
    }

    @Test("nesting is bounded")
    func nesting() throws {
        // A graph in an attribute of a node of a graph: three messages each.
        var graph: [UInt8] = []
        for _ in 0..<32 { graph = Self.field(1, Self.field(5, Self.field(6, graph))) }
        _ = try Self.scan(Self.field(7, graph))
        for _ in 0..<1_000 { graph = Self.field(1, Self.field(5, Self.field(6, graph))) }
        let error = try engineError { _ = try Self.scan(Self.field(7, graph)) }
        #expect(error.code == .invalidModel)
        #expect(error.message.contains("deeper than 100"))
    }

    @Test("inputs that declare no shape are found")
    func shapeless() throws {
        func input(_ name: String, _ tensor: [UInt8]) -> [UInt8] {
            Self.field(11, Self.field(1, Array(name.utf8)) + Self.field(2, Self.field(1, tensor)))
        }
        let type = Self.number(1, 1)
        let graph =
            input("none", type) + input("scalar", type + Self.field(2, []))
            + input("row", type + Self.field(2, Self.field(1, Self.number(1, 4))))
        #expect(try Self.scan(Self.field(7, graph)).inputsWithoutShape == ["none"])
    }
}
