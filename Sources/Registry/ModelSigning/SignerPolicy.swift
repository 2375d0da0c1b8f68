package import Sealing

/// Whose signature a bundle needs, by the model that it is for.
package struct SignerPolicy: Sendable {
    /// Every bundle is taken, signed or not.
    package static let none = SignerPolicy { _ in [] }

    private let find: @Sendable (_ model: String) -> [PublisherKey]

    /// A policy.
    ///
    /// - Parameter keys: The keys that may sign bundles of a model; empty where none is needed.
    package init(keys: @escaping @Sendable (_ model: String) -> [PublisherKey]) {
        find = keys
    }

    /// The keys of which one has to have signed a bundle of `model`; empty: none has to.
    func keys(for model: String) -> [PublisherKey] {
        find(model)
    }
}
