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
            Proto.number(14, 1 << 32 | 1),  // more bits than an enumeration has
            [14 << 3, 0x81, 0x80, 0x80, 0x00],  // more bytes than needed
            [0xF0, 0x80, 0x00, 1],  // a tag of more bytes than needed
        ]
    )
    func dataElsewhere(tensor: [UInt8]) throws {
        let error = try engineError { _ = try Self.scan(Self.model(tensor: tensor)) }
        #expect(error.code == .invalidModel)
    }

    @Test(
        "references that the runtime does not heed are left out",
        arguments: [
            Proto.number(14, 1) + Proto.number(14, 0),  // taken back later
            Proto.field(13, Proto.field(1, "location") + Proto.field(2, "/etc/passwd")),
        ]
    )
    func staleReferences(fields: [UInt8]) throws {
        let bytes = Self.model(tensor: Proto.field(8, "w") + fields + Proto.field(9, [1]))
        let tensors = try Self.scan(bytes).tensors
        #expect(tensors.initializers.isEmpty && tensors.embedded.isEmpty)
        #expect(
            try Self.rewritten(bytes)
                == Self.model(tensor: Proto.field(8, "w") + Proto.field(9, [1]))
        )
    }

    /// The bytes that the runtime gets to see.
    private static func rewritten(
        _ bytes: [UInt8],
        _ files: [ExactString: any HeldBytes] = [:]
    ) throws -> [UInt8] {
        let tensors = try scan(bytes).tensors
        let source = ModelInMemory(entry: bytes, files: files)
        let held = try ExternalFiles(of: tensors, from: source)
        return try bytes.withBytes { model in
            try ModelRewrite.bytes(of: model, changedBy: tensors.edits, files: held)
        }
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

    @Test("inputs and outputs that declare no shape are found", arguments: [UInt8(11), 12])
    func shapeless(field: UInt8) throws {
        func input(_ name: String, _ tensor: [UInt8]) -> [UInt8] {
            Proto.field(
                field,
                Proto.field(1, Array(name.utf8)) + Proto.field(2, Proto.field(1, tensor))
            )
        }
        let type = Proto.number(1, 1)
        let graph =
            input("none", type) + input("scalar", type + Proto.field(2, []))
            + input("row", type + Proto.field(2, Proto.field(1, Proto.number(1, 4))))
        let facts = try Self.scan(Proto.field(7, graph))
        #expect(facts.inputsWithoutShape == (field == 11 ? ["none"] : []))
        #expect(facts.outputsWithoutShape == (field == 12 ? ["none"] : []))
    }

    /// A tensor of one FP32 with its data in another file.
    private static func outside(_ name: String, location: String = "w.bin") -> [UInt8] {
        Proto.external(name, shape: [1], location: location)
    }

    /// A node with these inputs and attributes.
    private static func node(_ inputs: [String], _ attributes: [UInt8] = []) -> [UInt8] {
        Proto.field(1, inputs.flatMap { Proto.field(1, $0) } + attributes)
    }

    private static func subgraph(_ graph: [UInt8]) -> [UInt8] {
        Proto.field(5, Proto.field(6, graph))
    }

    @Test("of initializers of one name the last one counts, as for the runtime")
    func duplicates() throws {
        let inside = Proto.field(8, "w") + Proto.field(9, [0, 0, 0, 0])
        let graph = { (tensors: [[UInt8]]) in
            Self.node(["w", "v"]) + tensors.flatMap { Proto.field(5, $0) }
        }
        let (first, last) = (Self.outside("w", location: "a"), Self.outside("w", location: "b"))
        let v = Self.outside("v")
        let models: [(bytes: [UInt8], handed: [String], unread: [String])] = [
            (Proto.field(7, graph([first, v])), ["a", "w.bin"], []),
            (Proto.field(7, graph([first, last])), ["b"], ["a"]),
            (Proto.field(7, graph([first, v, inside])), ["w.bin"], ["a"]),
            (Proto.field(7, graph([inside, last])), ["b"], []),
            // Pieces of one graph.
            (Proto.field(7, graph([first])) + Proto.field(7, graph([last])), ["b"], ["a"]),
        ]
        for (bytes, handed, unread) in models {
            let tensors = try Self.scan(bytes).tensors
            #expect(tensors.initializers.map(\.location.text) == handed)
            #expect(tensors.unread.map(\.location.text) == unread)
        }
        let files: [ExactString: any HeldBytes] = [
            "a": HeldArray([0, 0, 0, 0]), "b": HeldArray([0, 0, 0, 0]),
        ]
        #expect(
            try Self.rewritten(Proto.field(7, graph([first, last])), files)
                == Proto.field(7, graph([last]))
        )
    }

    @Test("an initializer is used if the graph or a subgraph takes it from outside")
    func use() throws {
        let w = Proto.field(5, Self.outside("w"))
        let value = { (field: UInt8) in Proto.field(field, Proto.field(1, "w")) }
        let used: [[UInt8]] = [
            Self.node(["x", "w"]), value(11), value(12),
            Self.node([], Self.subgraph(Self.node(["w"]))),
            Self.node([], Self.subgraph(Self.node([], Self.subgraph(Self.node(["w"]))))),
            // Declared by one subgraph, taken from outside by the other.
            Self.node(
                [],
                Self.subgraph(value(11) + Self.node(["w"])) + Self.subgraph(Self.node(["w"]))
            ),
        ]
        for graph in used {
            let tensors = try Self.scan(Proto.field(7, graph + w)).tensors
            #expect(tensors.initializers.map(\.name) == ["w"])
            #expect(tensors.edits.isEmpty)
        }
        let inner = Proto.field(8, "w") + Proto.field(9, [0])
        let declared: [[UInt8]] = [
            value(11), Proto.field(5, inner), Proto.field(15, Proto.field(1, inner)),
            Proto.field(1, Proto.field(2, "w")),
        ]
        let unused: [[UInt8]] =
            [[], Self.node(["x"]), Self.node([], Self.subgraph(value(12)))]
            + declared.map { Self.node([], Self.subgraph($0 + Self.node(["w"]))) }
        for graph in unused {
            let tensors = try Self.scan(Proto.field(7, graph + w)).tensors
            #expect(tensors.initializers.isEmpty)
            #expect(tensors.unread.map(\.name) == ["w"])
            let file = HeldArray([0, 0, 0, 0])
            #expect(
                try Self.rewritten(Proto.field(7, graph + w), ["w.bin": file])
                    == Proto.field(7, graph)
            )
        }
    }

    @Test("data of tensors in subgraphs is put into the model, at any depth")
    func embedded() throws {
        func model(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
            let inner = Proto.field(5, second) + Self.node(["x"])
            let outer =
                Proto.field(2, "outer") + Proto.field(5, first)
                + Self.node(["a"], Self.subgraph(inner)) + Self.node(["b"])
            // Enough for lengths of more bytes before and after.
            let padding = Proto.field(10, [UInt8](repeating: 0x20, count: 200))
            return Proto.number(1, 10)
                + Proto.field(7, Self.node(["x"], Self.subgraph(outer + padding))) + [0x49]
                + [UInt8](repeating: 7, count: 8)
        }
        let content = (0..<200).map { UInt8($0) }
        let outside = { (name: String, offset: UInt64) in
            Proto.external(name, shape: [25], location: "w.bin", offset: offset)
        }
        let inside = { (name: String, data: ArraySlice<UInt8>) in
            Proto.number(1, 25) + Proto.number(2, 1) + Proto.field(8, name)
                + Proto.field(9, Array(data))
        }
        #expect(
            try Self.rewritten(
                model(outside("v", 100), outside("w", 0)),
                ["w.bin": HeldArray(content)]
            ) == model(inside("v", content[100..<200]), inside("w", content[0..<100]))
        )
    }

    @Test("the size of a model with embedded data is bounded")
    func embeddedLimit() throws {
        let tensor = Proto.external("w", shape: [25], location: "w.bin")
        let bytes = Proto.field(7, Self.node([], Self.subgraph(Proto.field(5, tensor))))
        let tensors = try Self.scan(bytes).tensors
        let source = ModelInMemory(
            entry: bytes,
            files: ["w.bin": HeldArray([UInt8](repeating: 1, count: 100))]
        )
        let files = try ExternalFiles(of: tensors, from: source)
        func rewritten(maxBytes: Int) throws -> [UInt8] {
            try bytes.withBytes { model in
                try ModelRewrite.bytes(
                    of: model,
                    changedBy: tensors.edits,
                    files: files,
                    maxBytes: maxBytes
                )
            }
        }
        let size = try rewritten(maxBytes: .max).count
        #expect(size > 100)
        #expect(try rewritten(maxBytes: size).count == size)
        let error = try engineError { _ = try rewritten(maxBytes: size - 1) }
        #expect(error.code == .unsupported)
        #expect(error.message.contains("\(size) bytes with the data of tensors of its subgraphs"))
    }

    @Test("the dimensions of a tensor with data in another file are bounded")
    func initializerRank() throws {
        let limit = EngineLimits.maxInitializerRank
        func scan(rank: Int) throws {
            let shape = [UInt64](repeating: 1, count: rank)
            let tensor = Proto.external("w", shape: shape, location: "w.bin")
            _ = try Self.scan(Self.model(tensor: tensor))
        }
        try scan(rank: limit)
        let error = try engineError { try scan(rank: limit + 1) }
        #expect(error.code == .invalidModel)
        #expect(error.message.contains("more than \(limit) dimensions"))
    }

    @Test("a tensor without elements needs no data")
    func noElements() throws {
        let empty = Proto.external("w", shape: [0, 3], location: "w.bin")
        let inside =
            Proto.number(1, 0) + Proto.number(1, 3) + Proto.number(2, 1) + Proto.field(8, "w")
        let bytes = Proto.field(7, Self.node(["w"]) + Proto.field(5, empty))
        #expect(
            try Self.rewritten(bytes, ["w.bin": HeldArray([])])
                == Proto.field(7, Self.node(["w"]) + Proto.field(5, inside))
        )
    }

    @Test(
        "harmless spellings of a path are taken",
        arguments: ["w.bin", "./w.bin", ".//w.bin", "././w.bin"]
    )
    func spellings(location: String) throws {
        let bytes = Proto.field(
            7,
            Self.node(["w"]) + Proto.field(5, Self.outside("w", location: location))
        )
        #expect(try Self.scan(bytes).tensors.initializers.map(\.location) == ["w.bin"])
    }

    @Test(
        "paths that lead out of the bundle are refused, with the path and what is wrong with it",
        arguments: [
            ("/w.bin", "'/w.bin', which is an absolute path"),
            ("//w.bin", "an absolute path"), ("../w.bin", "'../w.bin', which is a path with '..'"),
            ("a/../w.bin", "a path with '..'"), ("a/..", "a path with '..'"),
            ("", "'', which is a path that no file of a bundle has"),
            (".", "a path that no file"), ("a\\w.bin", "a path that no file"),
            ("a\u{7}", "a path that no file"), ("*/_ORT_MEM_ADDR_/*", "a path that no file"),
        ]
    )
    func paths(location: String, problem: String) throws {
        let bytes = Self.model(tensor: Self.outside("w", location: location))
        let error = try engineError { _ = try Self.scan(bytes) }
        #expect(error.code == .invalidModel)
        #expect(error.message.contains("tensor 'w' of the model has its data in another file, at"))
        #expect(error.message.contains(problem))
        #expect(error.message.contains("expected the path of a file of the bundle"))
    }

    @Test("the length of data may be given as 0, and must be right otherwise")
    func length() throws {
        func scan(_ entries: [(String, String)]) throws {
            let fields = entries.flatMap {
                Proto.field(13, Proto.field(1, $0) + Proto.field(2, $1))
            }
            _ = try Self.scan(Self.model(tensor: Self.outside("w") + fields))
        }
        for length in ["0", "4", "04"] { try scan([("length", length)]) }
        for length in ["5", "3", "-4", "+4", "", " 4", "4 ", "99999999999999999999"] {
            let error = try engineError { try scan([("length", length)]) }
            #expect(error.code == .invalidModel)
        }
        for key in ["basepath", "location"] {
            let error = try engineError { try scan([(key, "w.bin")]) }
            #expect(error.message.contains("the"))
            #expect(error.message.contains("key '\(key)'"))
        }
    }

    @Test("the path of another file has a bounded length")
    func locationLimit() throws {
        let longest = String(repeating: "a", count: EngineLimits.maxLocationBytes)
        let tensor = Self.outside("w", location: longest)
        #expect(
            try Self.scan(Self.model(tensor: tensor)).tensors.unread.map(\.location.text) == [
                longest
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
        #expect(try Self.scan(Proto.field(7, graph)).tensors.unread.count == limit)
        let error = try engineError { _ = try Self.scan(Proto.field(7, graph + tensor)) }
        #expect(error.code == .unsupported)
        #expect(error.message.contains("more than \(limit) tensors"))
    }
}
