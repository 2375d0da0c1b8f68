/// The size of a dimension: a whole number times symbols times a power of the number of rows.
///
/// A symbol is a size that one run knows and that no row and no number of rows changes, because
/// only requests of equal shapes are merged. Known elements of tensors of integers are written in
/// the same form, so they may be negative.
struct SymbolicSize: Hashable, Sendable {
    private(set) var factor: Int64
    /// The exponent of the number of rows.
    private(set) var rowPower = 0
    /// In ascending order; one may appear repeatedly.
    private(set) var symbols: [Int32] = []

    /// Makes a constant.
    init(_ number: Int64) {
        factor = number
    }

    /// Makes a symbol.
    init(symbol: Int32) {
        factor = 1
        symbols = [symbol]
    }

    /// The number of rows of a run.
    static let rowCount: SymbolicSize = {
        var size = SymbolicSize(1)
        size.rowPower = 1
        return size
    }()

    static let one = SymbolicSize(1)

    /// The value of a constant; nil if it depends on the run.
    var number: Int64? { rowPower == 0 && symbols.isEmpty ? factor : nil }

    /// Whether no value of it leaves 32 bits: a constant, one size, or few times the rows.
    var fitsIn32Bits: Bool {
        switch (rowPower, symbols.count) {
        case (0, 0): Int32(exactly: factor) != nil
        case (0, 1): factor == 1
        case (1, 0): (0...Int64(UInt16.max)).contains(factor)
        default: false
        }
    }

    /// The product of the symbols, without the number.
    var primitive: SymbolicSize {
        var result = self
        result.factor = 1
        return result
    }

    /// Whether it is the same for any number of rows.
    var isFixed: Bool { rowPower == 0 }

    /// The product; nil if it leaves the bounds.
    func times(_ other: SymbolicSize) -> SymbolicSize? {
        let (product, overflow) = factor.multipliedReportingOverflow(by: other.factor)
        let count = symbols.count + other.symbols.count
        guard !overflow, count <= GraphLimits.maxSymbols else { return nil }
        guard product != 0 else { return SymbolicSize(0) }
        var result = SymbolicSize(product)
        result.rowPower = rowPower + other.rowPower
        result.symbols = (symbols + other.symbols).sorted()
        return result
    }

    /// The quotient; nil if the division is not exact for every value of the symbols.
    func divided(by other: SymbolicSize) -> SymbolicSize? {
        guard other.factor != 0, other.factor != -1, factor % other.factor == 0,
            rowPower >= other.rowPower
        else { return nil }
        var result = SymbolicSize(factor / other.factor)
        result.rowPower = rowPower - other.rowPower
        var rest = symbols
        for symbol in other.symbols {
            guard let place = rest.firstIndex(of: symbol) else { return nil }
            rest.remove(at: place)
        }
        result.symbols = rest
        return result
    }

    /// The sum; nil if it has no such form.
    func plus(_ other: SymbolicSize) -> SymbolicSize? {
        if factor == 0 { return other }
        if other.factor == 0 { return self }
        guard rowPower == other.rowPower, symbols == other.symbols else { return nil }
        let (sum, overflow) = factor.addingReportingOverflow(other.factor)
        guard !overflow else { return nil }
        guard sum != 0 else { return SymbolicSize(0) }
        var result = self
        result.factor = sum
        return result
    }

    /// The number times -1; nil if it leaves the bounds.
    var negated: SymbolicSize? { times(SymbolicSize(-1)) }

    /// The product of all; nil if one is unknown or it leaves the bounds.
    static func product(_ sizes: some Sequence<SymbolicSize?>) -> SymbolicSize? {
        var product = one
        for size in sizes {
            guard let size, let next = product.times(size) else { return nil }
            product = next
        }
        return product
    }
}
