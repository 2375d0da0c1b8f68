internal import Text

/// Reads the encoding of ``CanonicalValue``, and nothing else: bytes that another encoder would
/// have written differently are refused.
struct CanonicalParser {
    /// Why bytes are not canonical.
    struct Failure: Error, CustomStringConvertible {
        let offset: Int
        let problem: String

        var description: String { "byte \(offset): \(problem)" }
    }

    /// Objects and arrays inside each other; the deepest signed statement has four.
    static let maxDepth = 8

    private let bytes: [UInt8]
    private var offset = 0

    /// The value that `bytes` encode.
    static func parse(_ bytes: [UInt8]) throws(Failure) -> CanonicalValue {
        var parser = CanonicalParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        guard parser.offset == bytes.count else {
            throw parser.failure("bytes follow the value")
        }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func failure(_ problem: String) -> Failure {
        Failure(offset: offset, problem: problem)
    }

    private var next: UInt8? {
        offset < bytes.count ? bytes[offset] : nil
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(Failure) {
        guard next == UInt8(ascii: character) else { throw failure("expected '\(character)'") }
        offset += 1
    }

    private mutating func value(depth: Int) throws(Failure) -> CanonicalValue {
        guard depth < CanonicalParser.maxDepth else { throw failure("nested too deeply") }
        switch next {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .array(try elements(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")):
            return .integer(try integer())
        default: throw failure("expected an object, an array, a string or an integer")
        }
    }

    private mutating func members(depth: Int) throws(Failure) -> [CanonicalValue.Member] {
        try expect("{")
        var members: [CanonicalValue.Member] = []
        while next != UInt8(ascii: "}") {
            if !members.isEmpty { try expect(",") }
            let key = ExactString(try string())
            if let last = members.last, !(last.key < key) {
                throw failure("keys are not in the order of code points, or repeat")
            }
            try expect(":")
            members.append(.init(key: key, value: try value(depth: depth + 1)))
        }
        try expect("}")
        return members
    }

    private mutating func elements(depth: Int) throws(Failure) -> [CanonicalValue] {
        try expect("[")
        var elements: [CanonicalValue] = []
        while next != UInt8(ascii: "]") {
            if !elements.isEmpty { try expect(",") }
            elements.append(try value(depth: depth + 1))
        }
        try expect("]")
        return elements
    }

    private mutating func integer() throws(Failure) -> Int64 {
        let start = offset
        while let byte = next,
            byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        {
            offset += 1
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard let value = Int64(text), String(value) == text else {
            throw Failure(offset: start, problem: "'\(text)' is not a canonical 64-bit integer")
        }
        return value
    }

    private mutating func string() throws(Failure) -> String {
        try expect("\"")
        var content: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            offset += 1
            switch byte {
            case UInt8(ascii: "\\"): content.append(try escaped())
            case 0x00..<0x20: throw failure("a control character that is not escaped")
            default: content.append(byte)
            }
        }
        try expect("\"")
        guard let text = String(validating: content, as: UTF8.self) else {
            throw failure("a string that is not UTF-8")
        }
        return text
    }

    private mutating func escaped() throws(Failure) -> UInt8 {
        guard let byte = next else { throw failure("an escape without an end") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return byte
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "u"): return try escapedControl()
        default: throw failure("an escape that the encoder does not write")
        }
    }

    /// The four digits after `\u`: the encoder writes them for control characters without a
    /// short escape, and for nothing else.
    private mutating func escapedControl() throws(Failure) -> UInt8 {
        guard offset + 4 <= bytes.count else { throw failure("an escape without an end") }
        let digits = String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
        offset += 4
        let short: [UInt8] = [0x08, 0x09, 0x0A, 0x0C, 0x0D]
        guard let value = UInt8(digits, radix: 16), value < 0x20, !short.contains(value),
            digits == digits.lowercased(), !digits.hasPrefix("+")
        else {
            throw failure("an escape that the encoder does not write")
        }
        return value
    }
}
