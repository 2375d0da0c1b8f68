internal import Yams

/// Refuses what a configuration reader would pass over in silence: keys that nobody reads, and keys
/// without a value.
enum ConfigurationFile {
    /// Checks `strongroom.yaml` against the keys that exist.
    /// - Parameter name: the file's name for messages.
    /// - Throws: ``ServerError`` that names file, line and key.
    static func check(_ text: String, name: String, known: Set<String>) throws(ServerError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ServerError("\(name): \(error)")
        } catch {
            throw ServerError("\(name) is not YAML")
        }
        guard let root else { return }
        try check(root, prefix: "", name: name, known: known)
    }

    private static func check(
        _ node: Node,
        prefix: String,
        name: String,
        known: Set<String>
    ) throws(ServerError) {
        guard case .mapping(let mapping) = node else {
            throw ServerError("\(name):\(line(node)): keys with values were expected")
        }
        for (keyNode, value) in mapping {
            guard let last = keyNode.string else {
                throw ServerError("\(name):\(line(keyNode)): a key must be text")
            }
            let key = prefix + last
            if known.contains(key) {
                guard case .scalar = value else {
                    throw ServerError("\(name):\(line(keyNode)): '\(key)' takes one value")
                }
                guard value.tag != Tag(.null) else {
                    throw ServerError("\(name):\(line(keyNode)): '\(key)' has no value")
                }
            } else if known.contains(where: { $0.hasPrefix(key + ".") }) {
                try check(value, prefix: key + ".", name: name, known: known)
            } else {
                throw ServerError(
                    "\(name):\(line(keyNode)): unknown key '\(key)'",
                    hint: "the keys are: \(known.sorted().joined(separator: ", "))"
                )
            }
        }
    }

    private static func line(_ node: Node) -> Int { node.mark?.line ?? 1 }
}
