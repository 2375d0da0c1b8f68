internal import Text

/// A row that somebody else changed while a registry was open: it is not what the newest signed
/// head, the audit log below it, and the changes of this process since make it.
///
/// The first one is the last: from then on nothing is signed, since a signature would make the
/// change good.
package struct RegistryFault: Error, Sendable, Equatable {
    /// The table of the row.
    package let table: String
    /// The row's key: names and numbers with a slash between them.
    package let key: String

    init(_ table: String, _ key: String) {
        self.table = table
        self.key = key
    }

    /// Of the database's file, which was removed, replaced or cut.
    static let file = RegistryFault("file", "registry.sqlite")

    /// Of a model's row.
    init(_ table: String, model: String) {
        self.init(table, excerpt(model))
    }

    /// Of an alias's row.
    init(_ table: String, _ alias: AliasName) {
        self.init(table, "\(excerpt(alias.model))/\(excerpt(alias.name))")
    }

    /// Of a version's row.
    init(model: String, version: UInt64) {
        self.init("versions", "\(excerpt(model))/\(version)")
    }

    /// The answer to whoever asks for a change.
    var error: RegistryError { RegistryError(.dataLoss, description) }
}

extension RegistryFault: CustomStringConvertible {
    package var description: String { "the registry was changed by others: \(table), \(key)" }
}
