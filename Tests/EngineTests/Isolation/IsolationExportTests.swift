import Foundation
import Testing

@testable import Engine

@Suite("The proof of sizes that exporters compute")
struct IsolationExportTests {
    private static func verdict(
        _ inputs: [String: [TestGraph.Size]],
        _ build: (inout TestGraph) -> Void
    ) -> IsolationVerdict {
        var graph = TestGraph(inputs)
        build(&graph)
        return graph.isolation
    }

    /// Shape of `x`, then one of its sizes as a scalar or a list.
    private static func size(_ graph: inout TestGraph, _ axis: Int64, _ name: String, scalar: Bool)
    {
        graph.ints("axis_\(name)", [axis], isScalar: scalar)
        graph.node("Shape", ["x"], ["shape_\(name)"])
        graph.node("Gather", ["shape_\(name)", "axis_\(name)"], [name])
    }

    @Test("a Range over a size, and arithmetic on it")
    func ranges() {
        func range(start: Int64, step: Int64, added: Int64) -> IsolationVerdict {
            Self.verdict(["x": ["N", "L"]]) { graph in
                Self.size(&graph, 1, "l", scalar: true)
                graph.ints("start", [start], isScalar: true)
                graph.ints("step", [step], isScalar: true)
                graph.ints("added", [added], isScalar: true)
                graph.node("Add", ["l", "added"], ["limit"])
                graph.node("Range", ["start", "limit", "step"])
            }
        }
        for step: Int64 in [1, 2, 7] {
            for start: Int64 in [0, 3, -5] {
                for added: Int64 in [0, 10] {
                    #expect(range(start: start, step: step, added: added) == .safe)
                }
            }
        }
        // 8 bytes an element, up to 64 MiB whatever the request. One element more counts for L,
        // since a request of (0, L) has no bytes.
        #expect(range(start: 0, step: 1, added: (1 << 23) - 1) == .safe)
        #expect(range(start: 0, step: 1, added: 1 << 23).text.contains("and \(64 << 20) more"))
        #expect(range(start: 0, step: 0, added: 0).text.contains("does not follow"))
    }

    @Test("position ids of a fixed length, expanded to the rows")
    func positions() {
        func verdict(_ length: TestGraph.Size) -> IsolationVerdict {
            Self.verdict(["x": ["N", length]]) { graph in
                Self.size(&graph, 1, "l", scalar: true)
                graph.ints("zero", [0], isScalar: true)
                graph.ints("one", [1], isScalar: true)
                graph.ints("axes", [0])
                graph.node("Range", ["zero", "l", "one"], ["ids"])
                graph.node("Unsqueeze", ["ids", "axes"], ["row"])
                graph.node("Shape", ["x"], ["whole"])
                graph.node("Expand", ["row", "whole"])
            }
        }
        #expect(verdict(16) == .safe)
        #expect(verdict("L") == .safe)
    }

    @Test("a mask of a fixed length is proved, one of a free length is not")
    func masks() {
        func verdict(_ length: TestGraph.Size) -> IsolationVerdict {
            Self.verdict(["x": ["N", length]]) { graph in
                Self.size(&graph, 0, "n", scalar: false)
                Self.size(&graph, 1, "l", scalar: false)
                graph.ints("one", [1])
                graph.ints("axes", [1, 2])
                graph.node("Unsqueeze", ["x", "axes"], ["wide"])
                graph.node("Concat", ["n", "one", "l", "l"], ["target"], ["axis": .int(0)])
                graph.node("Expand", ["wide", "target"])
            }
        }
        #expect(verdict(32) == .safe)
        #expect(verdict("L").text.contains("a product of free sizes"))
    }

    @Test("a Reshape with -1, 0 and sizes of the request keeps the elements")
    func reshapes() {
        let heads = Self.verdict(["x": ["N", 6, 12]]) { graph in
            Self.size(&graph, 0, "n", scalar: false)
            graph.ints("rest", [6, 4, 3])
            graph.node("Concat", ["n", "rest"], ["target"], ["axis": .int(0)])
            graph.node("Reshape", ["x", "target"], ["heads"])
            graph.node("Transpose", ["heads"], ["t"], ["perm": .ints([0, 2, 1, 3])])
            graph.ints("back", [0, -1, 12])
            graph.node("Reshape", ["t", "back"], ["joined"])
            graph.weight("w", [12, 12])
            graph.node("MatMul", ["joined", "w"])
        }
        #expect(heads == .safe)
        let flat = Self.verdict(["x": ["N", 3, "H", "W"]]) { graph in
            Self.size(&graph, 0, "n", scalar: false)
            graph.ints("rest", [-1])
            graph.node("Concat", ["n", "rest"], ["target"], ["axis": .int(0)])
            graph.node("Reshape", ["x", "target"], ["flat"])
            graph.node("Relu", ["flat"])
        }
        #expect(flat == .safe)
    }

    @Test("a 0 in a Reshape copies a size, so a size of a request stands for either")
    func copiedSizes() {
        // With an empty z the target is 0, and the output has as many rows as x.
        let copied = Self.verdict(["x": ["N", 4], "z": ["M", 1024]]) { graph in
            graph.node("Shape", ["z"], ["s"], ["end": .int(1)])
            graph.ints("rest", [-1])
            graph.node("Concat", ["s", "rest"], ["target"], ["axis": .int(0)])
            graph.node("Reshape", ["x", "target"], ["r"])
            graph.node("Shape", ["r"], ["rows"], ["end": .int(1)])
            graph.ints("width", [1024])
            graph.node("Concat", ["rows", "width"], ["big"], ["axis": .int(0)])
            graph.node("ConstantOfShape", ["big"])
        }
        #expect(copied.text.contains("more than 64 times"))
    }

    @Test("a repetition by sizes of the request is proved, one of the product of two inputs is not")
    func tiles() {
        func verdict(of name: String) -> IsolationVerdict {
            Self.verdict(["x": ["N", 4], "z": ["M", 4]]) { graph in
                graph.weight("c", [1, 8])
                graph.node("Shape", [name], ["s"], ["end": .int(1)])
                graph.ints("one", [1])
                graph.node("Concat", ["s", "one"], ["repeats"], ["axis": .int(0)])
                graph.node("Tile", [name == "x" ? "c" : "x", "repeats"])
            }
        }
        #expect(verdict(of: "x") == .safe)
        #expect(verdict(of: "z").text.contains("a product of free sizes"))
    }

    // MARK: Pictures

    /// Convolutions and poolings over a picture.
    private static func picture(
        _ size: [TestGraph.Size],
        channels: Int,
        stride: Int64,
        pools: Bool = true
    ) -> IsolationVerdict {
        verdict(["x": size]) { graph in
            graph.weight("a", [channels, 3, 3, 3])
            graph.weight("b", [channels, channels, 3, 3])
            let same = TestGraph.Value.ints([1, 1, 1, 1])
            graph.node("Conv", ["x", "a"], ["c"], ["pads": same])
            graph.node("Relu", ["c"], [pools ? "r" : "p"])
            if pools {
                graph.node(
                    "MaxPool",
                    ["r"],
                    ["p"],
                    ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]
                )
            }
            graph.node(
                "Conv",
                ["p", "b"],
                ["d"],
                ["pads": same, "strides": .ints([stride, stride])]
            )
            if pools { graph.node("GlobalAveragePool", ["d"], ["g"]) }
            graph.node("Flatten", [pools ? "g" : "d"])
        }
    }

    @Test("pictures of fixed and of free sizes")
    func pictures() {
        #expect(Self.picture(["N", 3, 64, 64], channels: 64, stride: 2) == .safe)
        let free: [TestGraph.Size] = ["N", 3, "H", "W"]
        #expect(Self.picture(free, channels: 64, stride: 2, pools: false) == .safe)
        #expect(Self.picture(free, channels: 64, stride: 1, pools: false) == .safe)
        let pooled = Self.picture(free, channels: 64, stride: 2)
        #expect(pooled.text.contains("may leave a picture without elements"))
        // 3 channels times 64.
        #expect(Self.picture(free, channels: 192, stride: 1, pools: false) == .safe)
        let wide = Self.picture(free, channels: 193, stride: 1, pools: false)
        #expect(wide.text.contains("more than 64 times"))
    }

    @Test("a picture that is resized by a constant is proved, by a value it is not")
    func resizes() {
        func verdict(_ scale: Float?) -> IsolationVerdict {
            Self.verdict(["x": ["N", 3, "H", "W"]]) { graph in
                if let scale {
                    graph.reals("s", [1, 1, scale, scale])
                } else {
                    graph.input("s", [4])
                }
                graph.node("Resize", ["x", "", "s"])
            }
        }
        #expect(verdict(7.9) == .safe)
        #expect(verdict(8.1).text.contains("more than 64 times"))
        #expect(verdict(nil).text.contains("values of a request decide its region or scales"))
    }

    // MARK: Numbers

    @Test("arithmetic that may overflow is not followed")
    func overflow() {
        func verdict(_ factor: Int64) -> IsolationVerdict {
            Self.verdict(["x": ["N", 4]]) { graph in
                Self.size(&graph, 0, "n", scalar: true)
                graph.ints("factor", [factor], isScalar: true)
                graph.node("Mul", ["n", "factor"], ["large"])
                graph.node("Div", ["large", "factor"], ["limit"])
                graph.ints("zero", [0], isScalar: true)
                graph.ints("one", [1], isScalar: true)
                graph.node("Range", ["zero", "limit", "one"])
            }
        }
        #expect(verdict(1 << 20) == .safe)
        #expect(verdict(1 << 40).text.contains("values of a request decide the size"))
    }

    @Test("a size as a number of 32 bits is followed")
    func narrow() {
        let cast = Self.verdict(["x": ["N", 4]]) { graph in
            graph.node("Shape", ["x"], ["s"], ["end": .int(1)])
            graph.node("Cast", ["s"], ["narrow"], ["to": .int(6)])
            graph.node("Cast", ["narrow"], ["wide"], ["to": .int(7)])
            graph.node("ConstantOfShape", ["wide"])
        }
        #expect(cast == .safe)
    }

    @Test("an element of a request, as a size, is followed no further than its input")
    func elements() {
        let value = Self.verdict(["x": ["N", 4]]) { graph in
            graph.node("Cast", ["x"], ["n"], ["to": .int(7)])
            graph.node("ConstantOfShape", ["n"])
        }
        #expect(value.text.contains("values of a request decide the size of its output"))
    }
}
