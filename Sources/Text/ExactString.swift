/// A name or another identity, compared, ordered and hashed by its UTF-8 bytes.
///
/// `String` compares by canonical equivalence, so that a composed and a decomposed spelling are
/// equal. Protobuf, ONNX and file systems hold them for two names.
package struct ExactString: Hashable, Sendable {
    /// The text.
    package let text: String

    /// Makes an identity of a text.
    package init(_ text: String) {
        self.text = text
    }

    package static func == (left: ExactString, right: ExactString) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(0xFF as UInt8)
    }
}

extension ExactString: Comparable {
    package static func < (left: ExactString, right: ExactString) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

extension ExactString: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) {
        self.init(text)
    }
}

extension ExactString: CustomStringConvertible {
    package var description: String { text }
}
