/// A model's alias, as a verification speaks of it.
struct AliasName: Hashable, Sendable {
    let model: String
    let name: String

    var object: String { "model '\(model)', alias '\(name)'" }

    init(model: String, name: String) {
        self.model = model
        self.name = name
    }

    /// Of a row of a table of aliases.
    init(_ row: CheckedRow) throws(CheckedRow.ColumnFault) {
        model = try row.text("model")
        name = try row.text("name")
    }
}

extension AliasName: Comparable {
    static func < (left: AliasName, right: AliasName) -> Bool {
        (left.model, left.name) < (right.model, right.name)
    }
}
