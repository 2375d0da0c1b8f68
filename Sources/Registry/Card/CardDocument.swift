internal import Text
internal import Yams

/// The one YAML document of a card, as a tree without anchors, aliases and tags.
enum CardDocument {
    /// Opening brackets of a whole card, those of lines that close what they open left out.
    static let maxBrackets = 320
    /// Brackets inside each other on a line that closes what it opens.
    static let maxBracketsPerLine = 32
    /// Entries that may begin inside each other on one line, as in `- - - a`.
    static let maxEntriesPerLine = 32
    /// Spaces before the first character of a line.
    static let maxIndentation = 64

    /// The document's top node. `body` runs while the parser lives, since nodes refer to it.
    ///
    /// - Throws: `invalidArgument` naming the line for anything that is not one plain document.
    static func read<R>(_ file: [UInt8], _ body: (CardNode) throws -> R) throws -> R {
        guard file.count <= Limits.maxCardBytes else {
            throw RegistryError(
                .invalidArgument,
                "\(Card.path): \(file.count) bytes, at most \(Limits.maxCardBytes) are allowed"
            )
        }
        let bytes = ByteOrderMark.removed(from: file)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RegistryError(.invalidArgument, "\(Card.path): not UTF-8")
        }
        try checkLineEnds(text)
        try checkNesting(bytes)
        do {
            let parser = try Parser(yaml: text, encoding: .utf8)
            guard let root = try parser.singleRoot() else {
                throw CardNode.failure(line: 1, key: "", "expected keys with values, found nothing")
            }
            let lines = bytes.split(
                separator: UInt8(ascii: "\n"),
                omittingEmptySubsequences: false
            )
            try check(CardNode(node: root, key: ""), lines: lines)
            return try withExtendedLifetime(parser) { try body(CardNode(node: root, key: "")) }
        } catch let error as YamlError {
            throw refusal(error)
        }
    }

    /// Refuses text whose nesting could exhaust the stack of the parser, which recurses. Counts
    /// characters and does not parse, so that text in quotes counts too: the bounds are far above
    /// what a card needs, and nothing that is let through is deeper than their sum.
    private static func checkNesting(_ bytes: [UInt8]) throws(RegistryError) {
        var brackets = 0
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, text) in lines.enumerated() {
            let line = CardLine(text)
            brackets += line.openBrackets
            guard brackets <= maxBrackets, line.bracketDepth <= maxBracketsPerLine,
                line.entries <= maxEntriesPerLine, line.indentation <= maxIndentation
            else { throw CardNode.failure(line: index + 1, key: "", "nested too deeply") }
        }
    }

    /// Refuses what YAML 1.1 takes for the end of a line and nothing else does: lines would be
    /// counted in two ways.
    private static func checkLineEnds(_ text: String) throws(RegistryError) {
        var line = 1
        var wasReturn = false
        for scalar in text.unicodeScalars {
            let isLineFeed = scalar == "\n"
            let isForeign = ["\u{85}", "\u{2028}", "\u{2029}"].contains(scalar)
            guard !isForeign, !wasReturn || isLineFeed else {
                throw CardNode.failure(
                    line: line,
                    key: "",
                    "a line end that is not a line feed, with or without a carriage return"
                )
            }
            wasReturn = scalar == "\r"
            line += isLineFeed ? 1 : 0
        }
    }

    /// Refuses anchors, aliases, tags and keys that are not text, anywhere below `node`.
    private static func check(
        _ node: CardNode,
        lines: [ArraySlice<UInt8>]
    ) throws(RegistryError) {
        guard node.node.anchor == nil else { throw node.failure("anchors are not allowed") }
        // A tag, an anchor or an alias is the first thing of its node, and no plain text can
        // begin with these characters.
        switch character(at: node.node.mark, lines: lines) {
        case UInt8(ascii: "!"): throw node.failure("tags are not allowed")
        case UInt8(ascii: "&"): throw node.failure("anchors are not allowed")
        case UInt8(ascii: "*"): throw node.failure("aliases are not allowed")
        default: break
        }
        switch node.node {
        case .scalar: return
        case .alias: throw node.failure("aliases are not allowed")
        case .sequence(let sequence):
            for (index, element) in sequence.enumerated() {
                try check(CardNode(node: element, key: "\(node.key)[\(index)]"), lines: lines)
            }
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard case .scalar(let scalar) = key else {
                    throw node.failure("a key that is not text")
                }
                let path = node.key.isEmpty ? scalar.string : "\(node.key).\(scalar.string)"
                try check(CardNode(node: key, key: path), lines: lines)
                try check(CardNode(node: value, key: path), lines: lines)
            }
        }
    }

    /// The first byte of a node in the text. Marks count lines and code points from 1.
    private static func character(at mark: Mark?, lines: [ArraySlice<UInt8>]) -> UInt8? {
        guard let mark, mark.line >= 1, mark.line <= lines.count, mark.column >= 1 else {
            return nil
        }
        let line = String(decoding: lines[mark.line - 1], as: UTF8.self).unicodeScalars
        let first = line.dropFirst(mark.column - 1).first
        return first.flatMap { UInt8(exactly: $0.value) }
    }

    private static func refusal(_ error: YamlError) -> RegistryError {
        switch error {
        case .duplicatedKeysInMapping(let duplicates, let context):
            return CardNode.failure(
                line: context.mark.line,
                key: duplicates.first ?? "",
                "duplicate key; spellings that differ in Unicode normalisation alone are one key"
            )
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
            return CardNode.failure(line: mark.line, key: "", problem)
        case .composer(let context, let problem, let mark, _):
            let isSecondDocument = context?.text.contains("single document") ?? false
            return CardNode.failure(
                line: mark.line,
                key: "",
                isSecondDocument ? "several documents are not allowed" : problem
            )
        default:
            return RegistryError(
                .invalidArgument,
                "\(Card.path): not YAML",
                detail: String(describing: error)
            )
        }
    }
}
