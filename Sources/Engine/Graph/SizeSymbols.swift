/// The symbols of one analysis, with an upper bound of each.
///
/// A free symbol is a dimension of an input. A derived symbol is a size that the analysis has no
/// formula for; its bound is expanded into free symbols when it is made, so no chain of derived
/// symbols is ever followed.
final class SizeSymbols {
    /// The bound of each symbol; nil if it has none.
    private var bounds: [SizeBound?] = []
    /// The input that each free symbol is a dimension of.
    private var inputs: [Int32: Int] = [:]
    private var keptTerms = 0
    private static let mostElements = Double(EngineLimits.maxElements)

    /// A dimension of an input.
    func free(input: Int) -> SymbolicSize {
        let symbol = Int32(bounds.count + 1)
        inputs[symbol] = input
        bounds.append(SizeBound(symbol: symbol))
        return SymbolicSize(symbol: symbol)
    }

    /// A size that is not known further than by its bound; nil for no bound.
    func derived(atMost bound: SizeBound?) -> SymbolicSize {
        keptTerms += bound?.terms.count ?? 0
        bounds.append(keptTerms > GraphLimits.maxKeptBoundTerms ? nil : bound)
        return SymbolicSize(symbol: Int32(bounds.count))
    }

    /// The upper bound of a size; nil if none is known, or if the size may be negative.
    func bound(of size: SymbolicSize?) -> SizeBound? {
        guard let size, size.isFixed, size.factor >= 0 else { return nil }
        var result = SizeBound(Double(size.factor))
        for symbol in size.symbols {
            guard let bound = bounds[Int(symbol) - 1], let product = result.times(bound) else {
                return nil
            }
            result = product
        }
        return result
    }

    /// The upper bound of a product; nil if none is known.
    func bound(ofProduct sizes: some Sequence<SymbolicSize?>) -> SizeBound? {
        var result = SizeBound(1)
        for size in sizes {
            guard let bound = bound(of: size), let product = result.times(bound) else { return nil }
            result = product
        }
        return result
    }

    /// Whether a size has no derived symbols.
    func areFree(in size: SymbolicSize) -> Bool { size.symbols.allSatisfy { inputs[$0] != nil } }

    /// The input that has a free symbol as a dimension.
    func input(of symbol: Int32) -> Int? { inputs[symbol] }

    /// Whether the absolute value of a number is below 2 to the power of `bits` in each run, so
    /// that arithmetic of the runtime gives what the form says. The elements of one input are
    /// at most ``EngineLimits/maxElements``.
    func fits(_ number: SymbolicSize, bits: Int) -> Bool {
        let size = number.factor < 0 ? number.negated : number
        guard let bound = bound(of: size) else { return false }
        var most = 0.0
        for (symbols, factor) in bound.terms {
            var repetitions: [Int: [Int32: Int]] = [:]
            for symbol in symbols {
                repetitions[inputs[symbol] ?? -1, default: [:]][symbol, default: 0] += 1
            }
            let powers = repetitions.values.map { $0.values.max() ?? 0 }.reduce(0, +)
            most += (0..<powers).reduce(factor) { product, _ in product * Self.mostElements }
        }
        return most < Double(sign: .plus, exponent: bits, significand: 1)
    }
}
