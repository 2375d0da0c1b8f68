/// The numbers of rows at which merged runs are compared with single ones, in ascending order.
enum BatchSizes {
    /// Each size from 2 to `maxRows`, or a sample: 3, 5, and the powers of two with both
    /// neighbours, since engines handle full vectors and the rest of them differently; and
    /// `maxRows` itself. No size of the sample is more than twice the one before it.
    static func list(_ sizes: BatchRule.Sizes, maxRows: Int) -> [Int] {
        guard maxRows > 1 else { return [] }
        guard sizes == .sample else { return Array(2...maxRows) }
        var list: Set = [maxRows]
        var power = 2
        while power - 1 <= maxRows {
            list.formUnion([power - 1, power, power + 1])
            power *= 2
        }
        return list.filter { (2...maxRows).contains($0) }.sorted()
    }
}
