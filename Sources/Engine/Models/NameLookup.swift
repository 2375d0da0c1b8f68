internal import Text

/// A search for inputs or outputs by their names.
///
/// Callers mostly keep to the model's order, so the tensor after the last one that was found is
/// tried first. Otherwise a few are looked through, and many are put into a table once.
struct NameLookup {
    /// Up to so many are looked through without a table.
    private static let maxWithoutTable = 64

    private let specs: [TensorSpec]
    private var next = 0
    private var table: [ExactString: Int] = [:]

    /// Makes a search in inputs or outputs of one model.
    init(of specs: [TensorSpec]) {
        self.specs = specs
    }

    /// Where the input or output of that name is; nil if there is none.
    mutating func index(of name: ExactString) -> Int? {
        guard let index = find(name) else { return nil }
        next = index + 1
        return index
    }

    private mutating func find(_ name: ExactString) -> Int? {
        if next < specs.count, specs[next].name == name { return next }
        guard specs.count > Self.maxWithoutTable else {
            return specs.firstIndex { $0.name == name }
        }
        if table.isEmpty {
            let entries = specs.enumerated().map { ($1.name, $0) }
            table = Dictionary(entries, uniquingKeysWith: { first, _ in first })
        }
        return table[name]
    }
}
