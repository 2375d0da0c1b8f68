internal import Text

extension JSONValue {
    /// Parses one JSON document.
    /// - Parameter maxValues: the most values that the document may have, those in arrays and
    ///   objects and these themselves counted: what bounds its size in memory, which can be
    ///   twenty times that of the text.
    /// - Throws: ``JSONError`` that names line and column: for bad syntax, a repeated member name,
    ///   text that is not UTF-8, nesting over ``maxDepth``, more than `maxValues` values, or bytes
    ///   after the document.
    package init(parsing bytes: RawSpan, maxValues: Int = .max) throws(JSONError) {
        var parser = JSONParser(bytes: bytes, maxValues: maxValues)
        self = try parser.document()
    }

    /// Parses one JSON document.
    package init(parsing bytes: [UInt8], maxValues: Int = .max) throws(JSONError) {
        try self.init(parsing: unsafe bytes.span.bytes, maxValues: maxValues)
    }

    /// Parses one JSON document.
    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }
}

/// A recursive-descent parser over borrowed bytes; its depth is bounded.
private struct JSONParser: ~Escapable {
    let bytes: RawSpan
    let maxValues: Int
    var position = 0
    var depth = 0
    var values = 0

    @_lifetime(copy bytes)
    init(bytes: RawSpan, maxValues: Int) {
        self.bytes = bytes
        self.maxValues = maxValues
    }

    @_lifetime(self: copy self)
    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == bytes.byteCount else { throw error("text after the end of the document") }
        return value
    }

    @_lifetime(self: copy self)
    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        guard let first = peek else { throw error("a value is missing") }
        guard values < maxValues else { throw error("more than \(maxValues) values") }
        values += 1
        switch first {
        case UInt8(ascii: "{"):
            return try nested { parser throws(JSONError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw error("a value was expected")
        }
    }

    @_lifetime(self: copy self)
    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.maxDepth else {
            throw error("nested deeper than \(JSONValue.maxDepth) levels")
        }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    @_lifetime(self: copy self)
    private mutating func object() throws(JSONError) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        var names: Set<ExactString> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw error("a member name was expected") }
            let name = ExactString(try string())
            guard names.insert(name).inserted else {
                throw error("the name \(quoted(name)) is repeated")
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw error("':' was expected") }
            members.append(JSONValue.Member(name: name, value: try value()))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw error("',' or '}' was expected") }
            return .object(members)
        }
    }

    @_lifetime(self: copy self)
    private mutating func array() throws(JSONError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw error("',' or ']' was expected") }
            return .array(elements)
        }
    }

    @_lifetime(self: copy self)
    private mutating func word(_ text: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for byte in text.utf8 {
            guard take(byte) else { throw error("\(quoted(text)) was expected") }
        }
        return value
    }

    @_lifetime(self: copy self)
    private mutating func number() throws(JSONError) -> String {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return text(start..<position)
    }

    @_lifetime(self: copy self)
    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            position += 1
        }
        guard position > start else { throw error("a digit was expected") }
    }

    @_lifetime(self: copy self)
    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw error("a string is not UTF-8")
                }
                return valid
            case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
            case 0..<0x20: throw error("a control character in a string must be escaped")
            default: text.append(byte)
            }
        }
        throw error("a string does not end")
    }

    @_lifetime(self: copy self)
    private mutating func escape() throws(JSONError) -> [UInt8] {
        guard let byte = peek else { throw error("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(Character(try unicodeEscape())).utf8)
        default: throw error("an unknown escape in a string")
        }
    }

    @_lifetime(self: copy self)
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let high = try hexQuad()
        guard (0xD800..<0xDC00).contains(high) else {
            guard let scalar = Unicode.Scalar(high) else { throw error("a lone surrogate") }
            return scalar
        }
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw error("a lone surrogate")
        }
        let low = try hexQuad()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        else { throw error("a lone surrogate") }
        return scalar
    }

    @_lifetime(self: copy self)
    private mutating func hexQuad() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.byteCount,
            let value = UInt32(text(position..<position + 4), radix: 16),
            byte(position) != UInt8(ascii: "+"), byte(position) != UInt8(ascii: "-")
        else { throw error("four hexadecimal digits were expected") }
        position += 4
        return value
    }

    private func text(_ range: Range<Int>) -> String {
        unsafe bytes.extracting(range).withUnsafeBytes {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }

    private func byte(_ position: Int) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
    }

    private var peek: UInt8? {
        position < bytes.byteCount ? byte(position) : nil
    }

    @_lifetime(self: copy self)
    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    @_lifetime(self: copy self)
    private mutating func skipSpace() {
        while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private func error(_ message: String) -> JSONError {
        var (line, lineStart) = (1, 0)
        for index in 0..<position where byte(index) == 0x0A {
            line += 1
            lineStart = index + 1
        }
        return JSONError(line: line, column: position - lineStart + 1, message: message)
    }
}
