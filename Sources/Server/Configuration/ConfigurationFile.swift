internal import Text
internal import Yams

/// What `strongroom.yaml` says. Refuses what a configuration reader would pass over in silence: keys
/// that nobody reads, and keys without a value.
struct ConfigurationFile {
    /// The key of ``signatures``, the one that takes a list.
    private static let signatureKey = "signatures"

    /// Values by key, with dots between the levels; each as it is written, since who reads it
    /// decides what it takes.
    private(set) var values: [String: String] = [:]
    /// Which models need signed bundles.
    private(set) var signatures: [SignatureRule] = []

    private let name: String
    private let known: Set<String>

    /// Reads the file's text.
    /// - Parameters:
    ///   - name: the file's path, for messages; paths in it are relative to its folder.
    ///   - known: the keys of ``values`` that exist.
    /// - Throws: ``ServerError`` that names file, line and key.
    init(_ text: String, name: String, known: Set<String>) throws(ServerError) {
        self.name = name
        self.known = known
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ServerError("\(name): \(error)")
        } catch {
            throw ServerError("\(name) is not YAML")
        }
        guard let root else { return }
        try read(root, prefix: "")
    }

    private mutating func read(_ node: Node, prefix: String) throws(ServerError) {
        guard case .mapping(let mapping) = node else {
            throw failure(node, "keys with values were expected")
        }
        for (keyNode, value) in mapping {
            guard let last = keyNode.string else { throw failure(keyNode, "a key must be text") }
            let key = prefix + last
            if key == Self.signatureKey {
                signatures = try rules(value, at: keyNode)
            } else if known.contains(key) {
                let text = try scalar(value, key: key, at: keyNode)
                guard values.updateValue(text, forKey: key) == nil else {
                    throw failure(keyNode, "'\(key)' is there twice")
                }
            } else if known.contains(where: { $0.hasPrefix(key + ".") }) {
                try read(value, prefix: key + ".")
            } else {
                let keys = known.union([Self.signatureKey]).sorted().joined(separator: ", ")
                throw failure(keyNode, "unknown key \(quoted(key))", hint: "the keys are: \(keys)")
            }
        }
    }

    private func scalar(
        _ node: Node,
        key: String,
        at keyNode: Node
    ) throws(ServerError) -> String {
        guard case .scalar(let scalar) = node else {
            throw failure(keyNode, "'\(key)' takes one value")
        }
        guard node.tag != Tag(.null) else { throw failure(keyNode, "'\(key)' has no value") }
        return scalar.string
    }

    private func rules(_ node: Node, at keyNode: Node) throws(ServerError) -> [SignatureRule] {
        guard case .sequence(let entries) = node else {
            throw failure(keyNode, "'\(Self.signatureKey)' takes a list")
        }
        var rules: [SignatureRule] = []
        for (index, entry) in entries.enumerated() {
            rules.append(try rule(entry, key: "\(Self.signatureKey)[\(index)]"))
        }
        return rules
    }

    private func rule(_ node: Node, key: String) throws(ServerError) -> SignatureRule {
        guard case .mapping(let mapping) = node else {
            throw failure(node, "'\(key)' takes 'models' and 'public_key'")
        }
        var models: ModelPattern?
        var publicKey: (path: String, line: Int)?
        for (keyNode, value) in mapping {
            let name = keyNode.string ?? ""
            let text = try scalar(value, key: "\(key).\(name)", at: keyNode)
            guard !text.isEmpty else { throw failure(keyNode, "'\(key).\(name)' has no value") }
            switch name {
            case "models":
                guard text.utf8.count <= ModelPattern.maxBytes else {
                    throw failure(
                        keyNode,
                        "'\(key).models' has \(text.utf8.count) bytes, at most "
                            + "\(ModelPattern.maxBytes) are allowed"
                    )
                }
                models = ModelPattern(text)
            case "public_key": publicKey = (text, line(keyNode))
            default:
                throw failure(
                    keyNode,
                    "unknown key \(quoted("\(key).\(name)")), expected 'models' or 'public_key'"
                )
            }
        }
        guard let models else { throw failure(node, "'\(key).models' is missing") }
        guard let publicKey else { throw failure(node, "'\(key).public_key' is missing") }
        return SignatureRule(
            models: models,
            publicKeyPath: inOwnFolder(publicKey.path),
            place: "\(name):\(publicKey.line): '\(key).public_key'"
        )
    }

    /// A path of the file, which means the same wherever the process was started.
    private func inOwnFolder(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return path
        }
        return name[...slash] + path
    }

    private func failure(_ node: Node, _ problem: String, hint: String? = nil) -> ServerError {
        ServerError("\(name):\(line(node)): \(problem)", hint: hint)
    }

    private func line(_ node: Node) -> Int { node.mark?.line ?? 1 }
}
