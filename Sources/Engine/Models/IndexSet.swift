/// A set of indices below ``EngineLimits/maxTensors``: the first 64 take no memory of their own.
struct IndexSet {
    private var first: UInt64 = 0
    private var others: [UInt64] = []

    /// Whether it has an index.
    func contains(_ index: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(index % 64)
        guard index >= 64 else { return first & bit != 0 }
        let word = index / 64 - 1
        return word < others.count && others[word] & bit != 0
    }

    /// Adds an index; false if it was there before.
    mutating func insert(_ index: Int) -> Bool {
        guard !contains(index) else { return false }
        let bit: UInt64 = 1 << UInt64(index % 64)
        guard index >= 64 else {
            first |= bit
            return true
        }
        let word = index / 64 - 1
        while others.count <= word { others.append(0) }
        others[word] |= bit
        return true
    }
}
