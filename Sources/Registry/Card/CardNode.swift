internal import Text
internal import Yams

/// A node of a card's YAML with the key that led to it, so that every refusal can name file, line
/// and key.
struct CardNode {
    let node: Node
    /// The keys from the top, with dots between them; empty for the whole document.
    let key: String

    /// The refusal of this node.
    func failure(_ problem: String) -> RegistryError {
        CardNode.failure(line: node.mark?.line ?? 1, key: key, problem)
    }

    /// A refusal that names file, line and key.
    static func failure(line: Int, key: String, _ problem: String) -> RegistryError {
        let place = "\(Card.path):\(line): "
        return RegistryError(
            .invalidArgument,
            place + (key.isEmpty ? "" : excerpt(key) + ": ") + problem
        )
    }

    /// The node's mapping, whose keys are taken one by one.
    func fields() throws(RegistryError) -> CardFields {
        guard case .mapping(let mapping) = node else {
            throw failure("expected keys with values, found \(kind)")
        }
        return try CardFields(of: self, mapping)
    }

    /// The node's elements, at most `limit`.
    ///
    /// - Parameter alternative: What else could be there, for the refusal.
    func elements(
        limit: Int,
        or alternative: String? = nil
    ) throws(RegistryError) -> [CardNode] {
        guard case .sequence(let sequence) = node else {
            let expected = alternative.map { "a list or \($0)" } ?? "a list"
            throw failure("expected \(expected), found \(kind)")
        }
        guard sequence.count <= limit else {
            throw failure("a list of \(sequence.count), at most \(limit) are allowed")
        }
        return sequence.enumerated().map { index, element in
            CardNode(node: element, key: "\(key)[\(index)]")
        }
    }

    /// A scalar's text, however it is quoted; not empty.
    func string() throws(RegistryError) -> String {
        guard case .scalar(let scalar) = node else {
            throw failure("expected text, found \(kind)")
        }
        let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(text)
        guard !isNull, !text.isEmpty else { throw failure("expected text, found nothing") }
        return text
    }

    /// Whether it is this text, not quoted.
    func isText(_ expected: String) -> Bool {
        guard case .scalar(let scalar) = node else { return false }
        return scalar.style == .plain && text.utf8.elementsEqual(expected.utf8)
    }

    /// `true` or `false`, not quoted.
    func bool() throws(RegistryError) -> Bool {
        if isText("true") { return true }
        guard isText("false") else { throw failure("expected true or false, found \(kind)") }
        return false
    }

    /// A decimal integer inside `range`, not quoted.
    func integer(in range: ClosedRange<Int64>) throws(RegistryError) -> Int64 {
        let expected = "expected an integer from \(range.lowerBound) to \(range.upperBound)"
        guard case .scalar(let scalar) = node else { throw failure("\(expected), found \(kind)") }
        guard scalar.style == .plain, let value = Int64(text), String(value) == text,
            range.contains(value)
        else { throw failure("\(expected), found \(quoted(text))") }
        return value
    }

    /// A finite number, not quoted.
    func number() throws(RegistryError) -> Double {
        guard case .scalar(let scalar) = node else {
            throw failure("expected a number, found \(kind)")
        }
        let isDecimal = text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
        guard scalar.style == .plain, isDecimal, let value = Double(text), value.isFinite else {
            throw failure("expected a finite number, found \(quoted(text))")
        }
        return value
    }

    private var text: String {
        if case .scalar(let scalar) = node { scalar.string } else { "" }
    }

    private var kind: String {
        switch node {
        case .scalar: "\(quoted(text))"
        case .mapping: "keys with values"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}

/// The keys of one mapping of a card, taken one by one; what is left at the end is unknown.
struct CardFields {
    private let parent: CardNode
    private var nodes: [ExactString: CardNode] = [:]

    init(of parent: CardNode, _ mapping: Node.Mapping) throws(RegistryError) {
        self.parent = parent
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key, !scalar.string.isEmpty else {
                throw parent.failure("a key that is not text")
            }
            let name = ExactString(scalar.string)
            let path = parent.key.isEmpty ? name.text : "\(parent.key).\(name)"
            guard nodes[name] == nil else {
                throw CardNode.failure(line: key.mark?.line ?? 1, key: path, "duplicate key")
            }
            nodes[name] = CardNode(node: value, key: path)
            lines[name] = key.mark?.line ?? 1
        }
    }

    private var lines: [ExactString: Int] = [:]

    /// Takes a key's node, if the key is there.
    mutating func take(_ name: ExactString) -> CardNode? {
        nodes.removeValue(forKey: name)
    }

    /// Takes a key's node.
    mutating func require(_ name: ExactString) throws(RegistryError) -> CardNode {
        guard let node = take(name) else { throw parent.failure("\(quoted(name)) is missing") }
        return node
    }

    /// All keys that are left, sorted by name.
    mutating func takeAll() -> [(name: ExactString, node: CardNode)] {
        defer { nodes = [:] }
        return nodes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Refuses the first key that was not taken.
    func finish(known: String) throws(RegistryError) {
        guard let first = nodes.min(by: { lines[$0.key, default: 0] < lines[$1.key, default: 0] })
        else { return }
        throw CardNode.failure(
            line: lines[first.key, default: 1],
            key: first.value.key,
            "unknown key, expected one of \(known)"
        )
    }
}
