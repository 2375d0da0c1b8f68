/// An upper bound of a size: a polynomial of free sizes with factors that are not negative.
///
/// A free size is a dimension that a request chooses. In a bound it stands for the size, or for 1
/// where the size is 0, so each product is at least 1.
struct SizeBound: Hashable, Sendable {
    /// The factor of each product; the symbols of a product are in ascending order.
    private(set) var terms: [[Int32]: Double]

    /// Makes a constant.
    init(_ number: Double) {
        terms = number == 0 ? [:] : [[]: number]
    }

    /// Makes the bound of a free size.
    init(symbol: Int32) {
        terms = [[symbol]: 1]
    }

    /// The sum; nil if it has too many terms.
    func plus(_ other: SizeBound) -> SizeBound? {
        merged(other, by: +)
    }

    /// A bound of the larger of two sizes; nil if it has too many terms.
    func joined(_ other: SizeBound) -> SizeBound? {
        merged(other, by: max)
    }

    /// The product; nil if it has too many terms.
    func times(_ other: SizeBound) -> SizeBound? {
        guard terms.count * other.terms.count <= GraphLimits.maxBoundProducts else { return nil }
        var result = SizeBound(0)
        for (symbols, factor) in terms {
            for (others, otherFactor) in other.terms {
                guard symbols.count + others.count <= GraphLimits.maxSymbols else { return nil }
                result.terms[(symbols + others).sorted(), default: 0] += factor * otherFactor
            }
        }
        return result.terms.count <= GraphLimits.maxBoundTerms ? result : nil
    }

    /// The bound times a number.
    func scaled(by factor: Double) -> SizeBound {
        var result = self
        result.terms = terms.mapValues { $0 * factor }
        return result
    }

    private func merged(
        _ other: SizeBound,
        by combine: (Double, Double) -> Double
    ) -> SizeBound? {
        var result = self
        result.terms.merge(other.terms, uniquingKeysWith: combine)
        return result.terms.count <= GraphLimits.maxBoundTerms ? result : nil
    }
}
