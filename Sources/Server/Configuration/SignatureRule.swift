internal import Platform
internal import Registry
internal import Sealing
package import Text

/// One entry of `signatures`: bundles of the models that a pattern names must be signed, by the
/// key in a file or by that of another rule for the same model.
package struct SignatureRule: Sendable, Equatable {
    package let models: ModelPattern
    /// A PEM file.
    package let publicKeyPath: String
    /// File, line and key of the configuration, for messages.
    let place: String
}

extension SignerPolicy {
    /// Reads the keys of all rules.
    /// - Throws: ``ServerError`` that names file, line and key of the rule, and says what is wrong
    ///   with its key file.
    init(_ rules: [SignatureRule], trust: HomeTrust = .strict) throws(ServerError) {
        var entries: [(models: ModelPattern, key: PublisherKey)] = []
        for rule in rules {
            do {
                let file = try TrustedFile(rule.publicKeyPath, trust.rules)
                let text = String(decoding: file.bytes, as: UTF8.self)
                entries.append((rule.models, try PublisherKey(pem: text)))
            } catch let error as SealingError {
                throw ServerError("\(rule.place): \(rule.publicKeyPath): \(error.message)")
            } catch {
                throw ServerError("\(rule.place): \(ServerError(of: error).message)")
            }
        }
        self.init { [entries] model in
            entries.filter { $0.models.matches(model) }.map(\.key)
        }
    }
}
