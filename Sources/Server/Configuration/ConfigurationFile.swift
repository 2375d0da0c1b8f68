internal import Serving
internal import Text
internal import Yams

/// The content of `strongroom.yaml`. Refuses unknown keys and keys without a value, which a
/// configuration reader would ignore.
struct ConfigurationFile {
    /// The key of ``signatures``, which takes a list.
    private static let signatureKey = "signatures"
    /// The key of ``runs``, which takes a list.
    private static let runKey = "runs"

    /// Values by key, with dots between the levels; each as it is written, since who reads it
    /// decides what it takes.
    private(set) var values: [String: String] = [:]
    /// Which models need signed bundles.
    private(set) var signatures: [SignatureRule] = []
    /// The limits of time on the runs of some models; the first rule that matches counts.
    private(set) var runs: [RunRule] = []

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
                signatures = try signatureRules(value, at: keyNode)
            } else if key == Self.runKey {
                runs = try runRules(value, at: keyNode)
            } else if known.contains(key) {
                let text = try scalar(value, key: key, at: keyNode)
                guard values.updateValue(text, forKey: key) == nil else {
                    throw failure(keyNode, "'\(key)' is there twice")
                }
            } else if known.contains(where: { $0.hasPrefix(key + ".") }) {
                try read(value, prefix: key + ".")
            } else {
                let keys = known.union([Self.signatureKey, Self.runKey]).sorted().joined(
                    separator: ", "
                )
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

    private func signatureRules(
        _ node: Node,
        at keyNode: Node
    ) throws(ServerError) -> [SignatureRule] {
        var rules: [SignatureRule] = []
        for entry in try entries(node, of: Self.signatureKey, at: keyNode, with: "public_key") {
            rules.append(
                SignatureRule(
                    models: entry.models,
                    publicKeyPath: inOwnFolder(entry.text),
                    place: "\(name):\(line(entry.keyNode)): '\(entry.key)'"
                )
            )
        }
        return rules
    }

    private func runRules(_ node: Node, at keyNode: Node) throws(ServerError) -> [RunRule] {
        var rules: [RunRule] = []
        for entry in try entries(node, of: Self.runKey, at: keyNode, with: "run_seconds") {
            let range = ServingLimits.runSecondsRange
            guard let seconds = Int(entry.text), range.contains(seconds) else {
                throw failure(
                    entry.keyNode,
                    "'\(entry.key)' is \(quoted(entry.text)), expected a whole number from "
                        + "\(range.lowerBound) to \(range.upperBound)"
                )
            }
            rules.append(RunRule(models: entry.models, seconds: seconds))
        }
        return rules
    }

    /// An entry of a list of rules: a pattern of models, and one value.
    private struct Entry {
        let models: ModelPattern
        /// The whole key of the value, for messages.
        let key: String
        let keyNode: Node
        let text: String
    }

    /// The entries of a list of rules, each a mapping of `models` and another key.
    private func entries(
        _ node: Node,
        of list: String,
        at keyNode: Node,
        with other: String
    ) throws(ServerError) -> [Entry] {
        guard case .sequence(let nodes) = node else {
            throw failure(keyNode, "'\(list)' takes a list")
        }
        var entries: [Entry] = []
        for (index, node) in nodes.enumerated() {
            entries.append(try entry(node, key: "\(list)[\(index)]", with: other))
        }
        return entries
    }

    private func entry(
        _ node: Node,
        key: String,
        with other: String
    ) throws(ServerError) -> Entry {
        guard case .mapping(let mapping) = node else {
            throw failure(node, "'\(key)' takes 'models' and '\(other)'")
        }
        var models: ModelPattern?
        var value: (keyNode: Node, text: String)?
        for (keyNode, node) in mapping {
            let name = keyNode.string ?? ""
            let text = try scalar(node, key: "\(key).\(name)", at: keyNode)
            guard !text.isEmpty else { throw failure(keyNode, "'\(key).\(name)' has no value") }
            switch name {
            case "models": models = try pattern(text, key: key, at: keyNode)
            case other: value = (keyNode, text)
            default:
                throw failure(
                    keyNode,
                    "unknown key \(quoted("\(key).\(name)")), expected 'models' or '\(other)'"
                )
            }
        }
        guard let models else { throw failure(node, "'\(key).models' is missing") }
        guard let value else { throw failure(node, "'\(key).\(other)' is missing") }
        return Entry(
            models: models,
            key: "\(key).\(other)",
            keyNode: value.keyNode,
            text: value.text
        )
    }

    private func pattern(
        _ text: String,
        key: String,
        at keyNode: Node
    ) throws(ServerError) -> ModelPattern {
        guard text.utf8.count <= ModelPattern.maxBytes else {
            throw failure(
                keyNode,
                "'\(key).models' has \(text.utf8.count) bytes, at most "
                    + "\(ModelPattern.maxBytes) are allowed"
            )
        }
        return ModelPattern(text)
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
