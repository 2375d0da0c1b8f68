import Testing

@testable import Engine

@Suite("The verdict on kernels that sizes and attributes end or stall")
struct IsolationKernelTests {
    private static let window: [String: TestGraph.Value] = [
        "kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]),
    ]

    private static func verdict(
        _ type: String,
        _ shape: [TestGraph.Size],
        _ attributes: [String: TestGraph.Value] = [:]
    ) -> IsolationVerdict {
        GraphCase("", ["x": shape]) { graph in
            graph.weight("s", [16])
            let inputs = type.hasSuffix("Normalization") ? ["x", "s", "s"] : ["x"]
            graph.node(type, inputs, ["y"], attributes)
        }.isolation()
    }

    @Test(
        "a picture needs fixed sizes, since a size of 0 ends the process",
        arguments: [
            ("MaxPool", true), ("AveragePool", true), ("LpPool", true),
            ("GlobalAveragePool", false), ("GlobalMaxPool", false), ("GlobalLpPool", false),
            ("InstanceNormalization", false), ("GroupNormalization", false),
        ]
    )
    func pictures(type: String, hasWindow: Bool) {
        func verdict(_ shape: [TestGraph.Size]) -> IsolationVerdict {
            Self.verdict(type, shape, hasWindow ? Self.window : [:])
        }
        #expect(verdict(["N", 16, 224, 224]) == .safe)
        #expect(verdict([1, 16, 3, 3]) == .safe)
        let shapes: [[TestGraph.Size]] = [
            ["N", 16, "H", 8], ["N", 16, 8, "W"], ["N", "C", 8, 8], [1, 16, 8, 0], [1, 0, 8, 8],
        ]
        for shape in shapes {
            #expect(verdict(shape).text.contains("may leave a picture without elements"))
        }
        // The window is larger than the picture, so that the output may have no places.
        if hasWindow { #expect(verdict(["N", 16, 2, 2]) != .safe) }
    }

    @Test("a window has at most 1,024 elements", arguments: ["MaxPool", "AveragePool", "LpPool"])
    func windows(type: String) {
        func verdict(_ kernel: [Int64]) -> IsolationVerdict {
            Self.verdict(type, ["N", 16, 64, 64], ["kernel_shape": .ints(kernel)])
        }
        #expect(verdict([32, 32]) == .safe)
        #expect(verdict([33, 32]).text.contains("more than 1024 elements"))
        #expect(verdict([1 << 32, 1 << 32]) != .safe)
    }

    // MARK: Convolutions

    private static func convolution(
        _ type: String,
        kernel: [Int] = [3, 3],
        group: Int64? = nil,
        shape: [TestGraph.Size] = [1, 16, 64, 64]
    ) -> IsolationVerdict {
        GraphCase("", ["x": shape]) { graph in
            graph.weight("w", [16, 16] + kernel)
            graph.weight("s", [])
            let quantized = ["x", "s", "s", "w", "s", "s", "s", "s"]
            let inputs = type == "QLinearConv" ? quantized : ["x", "w"]
            graph.node(type, inputs, ["y"], group.map { ["group": .int($0)] } ?? [:])
        }.isolation()
    }

    @Test(
        "a convolution has groups and a kernel of at most 1,024 places",
        arguments: ["Conv", "ConvInteger", "QLinearConv", "ConvTranspose"]
    )
    func convolutions(type: String) {
        #expect(Self.convolution(type) == .safe)
        #expect(Self.convolution(type, group: 1) == .safe)
        for group: Int64 in [0, -1, .min, .max] {
            #expect(Self.convolution(type, group: group).text.contains("its group is not between"))
        }
        #expect(Self.convolution(type, kernel: [1, 1]) == .safe)
        let wide = Self.convolution(type, kernel: [25, 41]).text
        #expect(wide.contains("its kernel may have more than 1024 places"))
    }

    @Test("a quantised convolution is charged for the patches that it copies")
    func quantized() {
        func verdict(_ kernel: Int, isQuantized: Bool) -> IsolationVerdict {
            GraphCase("", ["x": ["N", 1, "H", "W"]]) { graph in
                graph.weight("s", [])
                graph.weight("w", [1, 1, kernel, kernel])
                if isQuantized {
                    graph.node("QuantizeLinear", ["x", "s"], ["q"])
                    graph.node("DequantizeLinear", ["q", "s"], ["d"])
                }
                let pads = [Int64](repeating: Int64(kernel / 2), count: 4)
                graph.node("Conv", [isQuantized ? "d" : "x", "w"], ["y"], ["pads": .ints(pads)])
            }.isolation()
        }
        #expect(verdict(31, isQuantized: false) == .safe)
        #expect(verdict(5, isQuantized: true) == .safe)
        #expect(verdict(31, isQuantized: true).text.contains("more than 64 times"))
    }

    // MARK: Attributes

    @Test("attributes that a kernel computes with have bounds")
    func attributes() {
        let shape: [TestGraph.Size] = ["N", 16, 8, 8]
        for size: Int64 in [1, 5, 15] {
            #expect(Self.verdict("LRN", shape, ["size": .int(size)]) == .safe)
        }
        for size: Int64 in [0, -1, 16, 400_001, .max] {
            let text = Self.verdict("LRN", shape, ["size": .int(size)]).text
            #expect(text.contains("its size is not between 1 and 15"))
        }
        for type in ["DepthToSpace", "SpaceToDepth"] {
            #expect(Self.verdict(type, shape, ["blocksize": .int(2)]) == .safe)
            for size: Int64 in [0, -1, 1_025, 1 << 32, .min] {
                let text = Self.verdict(type, shape, ["blocksize": .int(size)]).text
                #expect(text.contains("its blocksize is not between 1 and 1024"))
            }
            #expect(Self.verdict(type, shape).text.contains("its blocksize is not"))
        }
    }

    @Test("GatherND needs dimensions of a batch that exist", arguments: [-1, -5, 2, .max, .min])
    func batchDimensions(count: Int64) {
        let verdict = GraphCase("", ["x": ["N", 4]]) { graph in
            graph.input("i", ["M", 1], type: TestGraph.int64)
            graph.node("GatherND", ["x", "i"], ["y"], ["batch_dims": .int(count)])
        }.isolation()
        #expect(verdict != .safe)
    }

    // MARK: Normalisations

    @Test(
        "a skipped tensor has the shape of the other, or fixed sizes",
        arguments: ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"]
    )
    func skips(type: String) {
        func verdict(_ shape: [TestGraph.Size]?) -> IsolationVerdict {
            GraphCase("", ["x": ["N", "L", 4]]) { graph in
                graph.weight("g", [4])
                graph.node("Relu", ["x"], ["r"])
                if let shape { graph.input("z", shape) }
                let inputs = ["x", shape == nil ? "r" : "z", "g"]
                graph.node(type, inputs, domain: "com.microsoft")
            }.isolation()
        }
        #expect(verdict(nil) == .safe)
        #expect(verdict([1, 3, 4]) == .safe)
        for shape: [TestGraph.Size] in [["N", "L", 4], [0, 3, 4], [1, "L", 4]] {
            #expect(verdict(shape).text.contains("may have no elements, which ends the process"))
        }
    }

    @Test(
        "a sum in front of a normalisation, which the runtime merges, has equal shapes",
        arguments: ["LayerNormalization", "ReduceMean"]
    )
    func mergedSkips(type: String) {
        func verdict(_ shapes: [[TestGraph.Size]], _ type: String) -> IsolationVerdict {
            GraphCase("", ["x": shapes[0]]) { graph in
                if shapes.count > 1 { graph.input("z", shapes[1]) }
                graph.node("Relu", ["x"], ["r"])
                graph.weight("g", [4])
                graph.node("Add", ["x", shapes.count > 1 ? "z" : "r"], ["a"])
                graph.node(type, type == "LayerNormalization" ? ["a", "g"] : ["a"])
            }.isolation()
        }
        let free: [TestGraph.Size] = [1, "L", 4]
        #expect(verdict([free], type) == .safe)
        #expect(verdict([free, [1, 1, 4]], type) == .safe)
        #expect(verdict([free, free], type).text.contains("merged with a normalisation"))
        #expect(!verdict([free, free], "Relu").text.contains("merged with a normalisation"))
        #expect(verdict([["N", 4], ["N", 4]], type) == .safe)
    }

    // MARK: Keys

    @Test("integers are looked up among at most 1,024 keys")
    func keys() {
        func graph(_ count: Int64, _ elements: UInt64) -> TestGraph {
            var graph = TestGraph([:])
            graph.input("x", ["N"], type: elements)
            graph.node(
                "CategoryMapper",
                domain: "ai.onnx.ml",
                [
                    "cats_int64s": .ints((0..<count).map { $0 }),
                    "cats_strings": .texts((0..<count).map { "\($0)" }),
                ]
            )
            return graph
        }
        #expect(graph(1_024, TestGraph.int64).isolation == .safe)
        let many = graph(1_025, TestGraph.int64).isolation.text
        #expect(many.contains("more than 1024 keys"))
        #expect(graph(1_025, TestGraph.string).isolation == .safe)
        #expect(!timeDependsOnValues(graph(64, TestGraph.int64)))
        #expect(timeDependsOnValues(graph(65, TestGraph.int64)))
    }
}
