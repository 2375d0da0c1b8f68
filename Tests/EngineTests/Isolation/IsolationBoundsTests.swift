import Testing

@testable import Engine

@Suite("The bounds of the proof of sizes")
struct IsolationBoundsTests {
    @Test("bounds are added, joined and multiplied term by term")
    func arithmetic() throws {
        let (n, m) = (SizeBound(symbol: 1), SizeBound(symbol: 2))
        let sum = try #require(n.plus(m))
        #expect(sum.terms == [[1]: 1, [2]: 1])
        #expect(n.plus(n)?.terms == [[1]: 2])
        #expect(sum.joined(n) == sum)
        #expect(n.times(SizeBound(3))?.plus(SizeBound(2))?.terms == [[1]: 3, []: 2])
        #expect(sum.times(sum)?.terms == [[1, 1]: 1, [1, 2]: 2, [2, 2]: 1])
        #expect(n.scaled(by: 0.5).terms == [[1]: 0.5])
    }

    @Test("a bound has a limited number of terms, and a term of symbols")
    func limits() throws {
        var sum = SizeBound(symbol: 1)
        for symbol in 2...Int32(GraphLimits.maxBoundTerms) {
            sum = try #require(sum.plus(SizeBound(symbol: symbol)))
        }
        #expect(sum.plus(SizeBound(symbol: 1_000)) == nil)
        #expect(sum.times(sum) == nil)
        var product = SizeBound(symbol: 1)
        for _ in 1..<GraphLimits.maxSymbols {
            product = try #require(product.times(SizeBound(symbol: 1)))
        }
        #expect(product.times(SizeBound(symbol: 1)) == nil)
    }

    @Test("symbols beyond the kept terms have no bound")
    func keptTerms() {
        let symbols = SizeSymbols()
        let free = symbols.free(input: 0)
        let bound = symbols.bound(of: free)
        var last = free
        for _ in 0..<GraphLimits.maxKeptBoundTerms { last = symbols.derived(atMost: bound) }
        #expect(symbols.bound(of: last) == bound)
        #expect(symbols.bound(of: symbols.derived(atMost: bound)) == nil)
    }

    @Test("numbers fit as far as the elements of an input do")
    func fits() throws {
        let symbols = SizeSymbols()
        let (a, b, c) = (symbols.free(input: 0), symbols.free(input: 0), symbols.free(input: 1))
        let area = try #require(a.times(b))
        #expect(symbols.fits(area, bits: 31))
        #expect(!symbols.fits(try #require(a.times(a)), bits: 62 - 1))
        #expect(!symbols.fits(try #require(area.times(c)), bits: 31))
        #expect(symbols.fits(try #require(area.times(c)), bits: 62))
        #expect(!symbols.fits(try #require(area.times(SymbolicSize(2))), bits: 31))
    }

    /// The verdict, and the time that it took.
    private static func timed(_ build: (inout TestGraph) -> Void) -> (IsolationVerdict, Duration) {
        var graph = TestGraph(["x": ["N", 1], "z": ["M", 1]])
        build(&graph)
        let bytes = graph.bytes
        var verdict = IsolationVerdict.safe
        let time = ContinuousClock().measure { verdict = isolationVerdict(bytes) }
        return (verdict, time)
    }

    private static let limit = Duration.seconds(20)

    @Test("a chain that doubles a size is left behind at the factor")
    func doubling() {
        let (verdict, time) = Self.timed { graph in
            for index in 0..<2_000 {
                let name = index == 0 ? "x" : "v\(index)"
                graph.node("Concat", [name, name], ["v\(index + 1)"], ["axis": .int(0)])
            }
            graph.node("Relu", ["v2000"])
        }
        #expect(verdict.text.contains("more than 64 times"))
        #expect(time < Self.limit)
    }

    @Test("chains of derived sizes take time in proportion to the graph")
    func chains() {
        func run(_ count: Int) -> Duration {
            let (verdict, time) = Self.timed { graph in
                graph.node("Shape", ["x"], ["a0"])
                graph.node("Shape", ["z"], ["b0"])
                for index in 0..<count {
                    graph.node("Add", ["a\(index)", "b\(index)"], ["a\(index + 1)"])
                    graph.node("Max", ["a\(index)", "b\(index)"], ["b\(index + 1)"])
                }
                graph.node("ConstantOfShape", ["a\(count)"])
            }
            #expect(verdict != .safe)
            return time
        }
        _ = run(100)
        #expect(run(20_000) < Self.limit)
    }

    @Test("products of sums are bounded")
    func productsOfSums() {
        let (verdict, time) = Self.timed { graph in
            for index in 0..<12 {
                graph.input("i\(index)", ["K"])
                graph.node("Shape", ["i\(index)"], ["s\(index)"])
            }
            graph.node("Identity", ["s0"], ["sum0"])
            for index in 1..<12 {
                graph.node("Add", ["sum\(index - 1)", "s\(index)"], ["sum\(index)"])
            }
            graph.node("Identity", ["sum11"], ["p0"])
            for index in 0..<200 { graph.node("Mul", ["p\(index)", "sum11"], ["p\(index + 1)"]) }
            graph.node("ConstantOfShape", ["p200"])
        }
        #expect(verdict != .safe)
        #expect(time < Self.limit)
    }

    @Test("long attributes, cycles and outputs without end are read and refused")
    func hostile() {
        let long = [Int64](repeating: 1, count: 1 << 20)
        let (attributes, time) = Self.timed { graph in
            graph.node("ReduceSum", ["x"], ["y"], ["axes": .ints(long)])
        }
        #expect(attributes == .safe)
        #expect(time < Self.limit)
        let (cycle, _) = Self.timed { graph in
            graph.node("Add", ["x", "b"], ["a"])
            graph.node("Relu", ["a"], ["b"])
        }
        #expect(cycle.text.contains("no node before it computes"))
        let (outputs, outputsTime) = Self.timed { graph in
            graph.node("Split", ["x"], (0..<100_000).map { "o\($0)" })
        }
        // Each is a part of the input, and counts as all of it.
        #expect(outputs.text.contains("the tensors that live at once with it"))
        #expect(outputsTime < Self.limit)
    }
}
