/// A version of a model.
package struct VersionID: Hashable, Sendable, CustomStringConvertible {
    package let model: String
    package let version: UInt64

    package init(model: String, version: UInt64) {
        self.model = model
        self.version = version
    }

    package var description: String { "version \(version) of model '\(model)'" }
}

/// An alias of a model.
package struct AliasID: Hashable, Sendable {
    package let model: String
    package let alias: String

    package init(model: String, alias: String) {
        self.model = model
        self.alias = alias
    }
}
