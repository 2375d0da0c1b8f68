internal import Text

/// A version of a model.
package struct VersionID: Hashable, Sendable, CustomStringConvertible {
    /// The model's name.
    package let model: String
    /// 1 and up.
    package let version: UInt64

    /// Names a version.
    package init(model: String, version: UInt64) {
        self.model = model
        self.version = version
    }

    /// For messages.
    package var description: String { "version \(version) of model \(quoted(model))" }
}

/// An alias of a model.
package struct AliasID: Hashable, Sendable {
    /// The model's name.
    package let model: String
    /// The alias's name.
    package let alias: String

    /// Names an alias.
    package init(model: String, alias: String) {
        self.model = model
        self.alias = alias
    }
}
