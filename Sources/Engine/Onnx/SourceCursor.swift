/// Reads what a compiler of C++ calls a function, at a place in a text.
struct SourceCursor {
    private let bytes: [UInt8]
    private let limit: Int
    private(set) var position: Int

    /// A signature.
    struct Signature {
        /// The class, if it is a constructor of an operator's kernel.
        let operatorName: String?
    }

    /// - Parameter limit: Bytes that are looked at.
    init(_ bytes: [UInt8], at position: Int, limit: Int) {
        self.bytes = bytes
        self.position = position
        self.limit = min(bytes.count, position + limit)
    }

    /// Takes a plain name and the space behind it, if there is one: `__FUNCTION__`.
    mutating func takeFunctionName() {
        let start = position
        while position < limit,
            bytes[position].isOfIdentifier || bytes[position] == UInt8(ascii: "~")
        {
            position += 1
        }
        _ = take("()")
        guard position > start, take(" ") else { return position = start }
    }

    /// Takes `RETURN NAMES::NAME<T>(PARAMETERS) const [with T = int] `: `__PRETTY_FUNCTION__`; nil,
    /// with nothing taken, if there is no list of parameters.
    mutating func takeSignature() -> Signature? {
        let start = position
        guard let opening = skip(to: UInt8(ascii: "(")), skipGroup() else {
            position = start
            return nil
        }
        let parameters = bytes[opening..<position]
        // `operator()(int)`, `f(int)::<lambda(int)>`, `f() const [with T = int]`.
        if peek == UInt8(ascii: "("), !skipGroup() { return nil }
        while take("::") { _ = skipName() }
        for word in [" const", " noexcept", " &", " &&"] { _ = take(word) }
        if bytes[position..<limit].starts(with: " [with ".utf8) {
            position += 1
            guard skipGroup() else { return nil }
        }
        _ = take(" ")
        return Signature(
            operatorName: Self.constructed(bytes[start..<opening], parameters)
        )
    }

    /// The class of a constructor that takes the runtime's description of a node.
    private static func constructed(
        _ function: ArraySlice<UInt8>,
        _ parameters: ArraySlice<UInt8>
    ) -> String? {
        let text = String(decoding: function, as: UTF8.self)
        guard String(decoding: parameters, as: UTF8.self).contains("OpKernelInfo") else {
            return nil
        }
        var names: [String] = [""]
        var depth = 0
        for character in text {
            switch character {
            case "<": depth += 1
            case ">": depth -= 1
            case " " where depth == 0: names = [""]
            case ":" where depth == 0: if names.last != "" { names.append("") }
            case _ where depth == 0: names[names.count - 1].append(character)
            default: break
            }
        }
        guard names.count >= 2, let last = names.last, last == names[names.count - 2] else {
            return nil
        }
        // Kernels of several versions of an operator have numbers: LabelEncoder_2.
        guard let mark = last.lastIndex(of: "_"),
            last[mark...].dropFirst().allSatisfy(\.isNumber), mark != last.startIndex
        else { return last }
        return String(last[..<mark])
    }

    // MARK: Bytes

    private var peek: UInt8? { position < limit ? bytes[position] : nil }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position..<limit].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    /// Skips to a byte outside of angle brackets; where it is.
    private mutating func skip(to wanted: UInt8) -> Int? {
        var depth = 0
        while position < limit {
            let byte = bytes[position]
            if byte == wanted, depth <= 0 { return position }
            if byte == UInt8(ascii: "\n") { return nil }
            if byte == UInt8(ascii: "<") { depth += 1 }
            if byte == UInt8(ascii: ">") { depth -= 1 }
            position += 1
        }
        return nil
    }

    /// Skips a bracket and all up to the one that closes it.
    private mutating func skipGroup() -> Bool {
        var depth = 0
        while position < limit {
            switch bytes[position] {
            case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
            position += 1
            if depth == 0 { return true }
        }
        return false
    }

    /// Skips `name` or `<lambda(int)>` with a list of parameters, if there is one.
    private mutating func skipName() -> Bool {
        if peek == UInt8(ascii: "<") {
            guard skip(to: UInt8(ascii: " ")) != nil || position == limit else { return false }
            return true
        }
        while position < limit, bytes[position].isOfIdentifier { position += 1 }
        return peek == UInt8(ascii: "(") ? skipGroup() : true
    }
}

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    var isHexDigit: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20)
    }

    var isOfIdentifier: Bool {
        isDigit || self == UInt8(ascii: "_")
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
    }

    var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
