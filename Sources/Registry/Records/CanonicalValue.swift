internal import Sealing
internal import Text

/// A value of the JSON that the registry signs: objects, arrays, strings and integers, in the one
/// encoding that any implementation reproduces to the byte.
///
/// Keys are sorted by code point, there is no white space, `/` is not escaped, and there are no
/// fractions, no `true`, `false` or `null`. Signed bytes are verified before they are parsed and
/// are never encoded again.
enum CanonicalValue: Equatable, Sendable {
    case object([Member])
    case array([CanonicalValue])
    case string(String)
    case integer(Int64)

    /// A key with its value.
    struct Member: Equatable, Sendable {
        let key: ExactString
        let value: CanonicalValue
    }

    /// An object of these keys, sorted here. Keys have to be different from each other.
    static func object(_ members: [ExactString: CanonicalValue]) -> CanonicalValue {
        .object(
            members.map { Member(key: $0.key, value: $0.value) }
                .sorted { $0.key < $1.key }
        )
    }

    /// A string of lower-case hex.
    static func hex(_ bytes: [UInt8]) -> CanonicalValue {
        .string(Hex.encode(bytes))
    }

    /// The one encoding of this value, in UTF-8.
    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch self {
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                CanonicalValue.append(member.key.text, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .string(let text):
            CanonicalValue.append(text, to: &bytes)
        case .integer(let value):
            bytes.append(contentsOf: String(value).utf8)
        }
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x08: bytes.append(contentsOf: "\\b".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0C: bytes.append(contentsOf: "\\f".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x00..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(contentsOf: Hex.encode([byte]).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
