internal import Text

/// Takes a status text of ONNX Runtime apart, from its beginning to its end.
///
/// Names in a text are the model's and may hold anything. A name that imitates the runtime's
/// wording changes what is taken for a name and what for a reason, both of which are the model's
/// author's to read; it cannot keep a path or an address in the reason.
struct OnnxTextParser {
    private let bytes: [UInt8]
    private var position = 0

    private static let runNode = "Non-zero status code returned while running "
    private static let noKernel = "Could not find an implementation for "
    /// Beginnings that tell nothing which the code of the failure and the caller do not.
    private static let noise = [
        "Exception during initialization: ", "This is an invalid model. ", "Fatal error: ",
        "Error: ",
    ]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether the text begins with the status of a node that was run.
    var isAtRunNode: Bool { starts(with: Self.runNode) }

    /// Takes the nodes that the text names before its reason.
    mutating func takeNodes(limit: Int) -> [OnnxText.Node] {
        var nodes: [OnnxText.Node] = []
        while nodes.count < limit {
            while position < bytes.count, bytes[position].isSpace { position += 1 }
            if let node = takeRunNode() ?? takeGraphNode() ?? takeInferredNode() ?? takeKernelNode()
            {
                nodes.append(node)
            } else if let place = OnnxSourcePlace(in: bytes, at: position) {
                position = place.end
                if let name = place.operatorName {
                    nodes.append(.init(name: nil, operatorName: name))
                }
            } else if !takeNoise() {
                break
            }
        }
        return nodes
    }

    /// Takes the rest, cleaned and cut.
    mutating func takeReason(maxBytes: Int) -> String {
        var cleaner = OnnxTextCleaner(bytes[position...], maxBytes: maxBytes)
        position = bytes.count
        return cleaner.clean()
    }

    // MARK: Nodes

    /// `Non-zero status code returned while running OP node. Name:'NAME' Status Message: `
    private mutating func takeRunNode() -> OnnxText.Node? {
        guard starts(with: Self.runNode) else { return nil }
        let start = position + Self.runNode.utf8.count
        guard let kind = text(from: start, to: " node. Name:'"),
            let name = text(from: kind.next, to: "' Status Message: ")
        else { return nil }
        position = name.next
        return .init(name: name.text, operatorName: kind.text)
    }

    /// `In Node, ("NAME", OP, "DOMAIN", VERSION) : (INPUTS) -> (OUTPUTS) , Error `
    private mutating func takeGraphNode() -> OnnxText.Node? {
        let opening = "In Node, (\""
        guard starts(with: opening),
            let name = text(from: position + opening.utf8.count, to: "\", "),
            let kind = text(from: name.next, to: ", \""),
            let domain = text(from: kind.next, to: "\", "),
            let rest = text(from: domain.next, to: " , Error ")
        else { return nil }
        position = rest.next
        return .init(name: name.text, operatorName: kind.text, domain: domain.text)
    }

    /// `Node (NAME) Op (OP) `
    private mutating func takeInferredNode() -> OnnxText.Node? {
        let opening = "Node ("
        guard starts(with: opening),
            let name = text(from: position + opening.utf8.count, to: ") Op ("),
            let kind = text(from: name.next, to: ") ")
        else { return nil }
        position = kind.next
        return .init(name: name.text, operatorName: kind.text)
    }

    /// `Could not find an implementation for OP(VERSION) node with name 'NAME'`, of which all but
    /// the name stays the reason.
    private mutating func takeKernelNode() -> OnnxText.Node? {
        guard starts(with: Self.noKernel), bytes.last == UInt8(ascii: "'") else { return nil }
        let start = position + Self.noKernel.utf8.count
        guard let kind = text(from: start, to: "("),
            let version = text(from: kind.next, to: ") node with name '")
        else { return nil }
        let name = String(decoding: bytes[version.next...].dropLast(), as: UTF8.self)
        let reason = "no implementation of version \(version.text) of this operator for these types"
        self = OnnxTextParser(Array(reason.utf8))
        return .init(name: name, operatorName: kind.text)
    }

    private mutating func takeNoise() -> Bool {
        if let end = OnnxSourcePlace.endOfCode(in: bytes, at: position) {
            position = end
            return true
        }
        for noise in Self.noise where starts(with: noise) {
            position += noise.utf8.count
            return true
        }
        return false
    }

    // MARK: Bytes

    private func starts(with text: String) -> Bool {
        bytes[position...].starts(with: text.utf8)
    }

    /// The text before the next `mark`, and the place behind the mark.
    private func text(from start: Int, to mark: String) -> (text: String, next: Int)? {
        guard let place = bytes.firstIndex(of: mark, from: start) else { return nil }
        return (String(decoding: bytes[start..<place], as: UTF8.self), place + mark.utf8.count)
    }
}

extension [UInt8] {
    /// Where a text, which is not empty, is found first.
    fileprivate func firstIndex(of text: String, from start: Int) -> Int? {
        let wanted = Array(text.utf8)
        var place = start
        while place + wanted.count <= count {
            if self[place] == wanted[0], self[place...].starts(with: wanted) { return place }
            place += 1
        }
        return nil
    }
}
