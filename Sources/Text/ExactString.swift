internal import Glibc

/// A name or another identity, compared, ordered and hashed by its UTF-8 bytes.
///
/// `String` compares by canonical equivalence, so that a composed and a decomposed spelling are
/// equal, and a separator followed by a combining mark is none. Protobuf, ONNX and file systems
/// compare bytes.
package struct ExactString: Sendable {
    /// The text.
    package let text: String

    /// Makes an identity of a text.
    package init(_ text: String) {
        self.text = text
    }

    /// Makes an identity of a part of a text.
    package init(_ text: Substring) {
        self.text = String(text)
    }

    /// Makes an identity of a text whose ASCII letters are taken in lower case, the others as they
    /// are.
    package init(asciiLowercased text: String) {
        let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")
        guard text.utf8.contains(where: { letters.contains($0) }) else {
            self.init(text)
            return
        }
        let bytes = text.utf8.map { letters.contains($0) ? $0 | 0x20 : $0 }
        self.init(String(decoding: bytes, as: UTF8.self))
    }

    /// The bytes that the identity is.
    package var utf8: String.UTF8View { text.utf8 }

    /// Whether it has no bytes.
    package var isEmpty: Bool { text.isEmpty }

    /// Whether its bytes begin with those of another.
    package func hasPrefix(_ prefix: ExactString) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether its bytes end with those of another.
    package func hasSuffix(_ suffix: ExactString) -> Bool {
        utf8.count >= suffix.utf8.count
            && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// The rest behind a prefix; nil if the text does not begin with it.
    package func dropping(prefix: ExactString) -> ExactString? {
        guard hasPrefix(prefix) else { return nil }
        return ExactString(Substring(utf8.dropFirst(prefix.utf8.count)))
    }

    /// The parts between occurrences of an ASCII separator, empty ones included; no more than one
    /// above `maxSplits`.
    package func split(
        at separator: Unicode.Scalar,
        maxSplits: Int = .max
    ) -> [ExactString] {
        precondition(separator.isASCII, "\(separator) is not ASCII")
        return utf8.split(
            separator: UInt8(ascii: separator),
            maxSplits: maxSplits,
            omittingEmptySubsequences: false
        ).map { ExactString(Substring($0)) }
    }
}

extension ExactString: Hashable {
    package static func == (left: ExactString, right: ExactString) -> Bool {
        // One compare for texts of up to 15 bytes, which lie in the value itself, and for copies of
        // one text.
        if left.bits == right.bits { return true }
        let byteCount = left.utf8.count
        guard byteCount == right.utf8.count else { return false }
        var (left, right) = (left.text, right.text)
        return left.withUTF8 { left in
            right.withUTF8 { right in
                guard let left = left.baseAddress, let right = right.baseAddress else {
                    return true
                }
                return unsafe memcmp(left, right, byteCount) == 0
            }
        }
    }

    /// The value as it lies in memory: equal bits are equal texts, unequal ones say nothing.
    private var bits: (UInt64, UInt64) {
        unsafe unsafeBitCast(text, to: (UInt64, UInt64).self)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { bytes in
            unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        }
        // No text has this byte: "a" followed by "b" is not "ab".
        hasher.combine(0xFF as UInt8)
    }
}

extension ExactString: Comparable {
    package static func < (left: ExactString, right: ExactString) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

extension ExactString: ExpressibleByStringInterpolation {
    package init(stringLiteral text: String) {
        self.init(text)
    }
}

extension ExactString: CustomStringConvertible {
    package var description: String { text }
}
