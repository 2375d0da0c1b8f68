internal import Text

/// A `TensorProto` as far as the place of its data goes.
struct TensorFields {
    private(set) var name: ExactString = ""
    /// Whether anything says that its data is in another file.
    private(set) var isElsewhere = false
    private var isNameText = true
    private var elementType: UInt32 = 0
    private var shape: [Int64] = []
    private var dataLocation: UInt32 = 0
    private var hasDataInside = false
    private var entries: [(key: String, value: String)] = []

    private static let dimsField: UInt32 = 1
    private static let typeField: UInt32 = 2
    private static let nameField: UInt32 = 8
    /// The fields of the data itself, by its kind; raw data is 9.
    private static let dataFields: Set<UInt32> = [4, 5, 6, 7, 9, 10, 11]
    private static let externalDataField: UInt32 = 13
    private static let dataLocationField: UInt32 = 14
    private static let dataLocationExternal: UInt32 = 1

    /// Reads the message that lies there.
    init(_ range: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var fields = ProtobufFields(range)
        while let field = try fields.next(in: bytes) {
            switch field {
            case .number(let number, let value): take(number, value)
            case .content(let number, let content): try take(number, content, in: bytes)
            }
        }
    }

    private mutating func take(_ field: UInt32, _ value: UInt64) {
        switch field {
        case Self.dimsField: addDimension(value)
        // As a parser does: an enumeration is the lower 32 bits of what is written.
        case Self.typeField: elementType = UInt32(truncatingIfNeeded: value)
        case Self.dataLocationField:
            dataLocation = UInt32(truncatingIfNeeded: value)
            if dataLocation == Self.dataLocationExternal { isElsewhere = true }
        case _ where Self.dataFields.contains(field): hasDataInside = true
        default: break
        }
    }

    private mutating func take(
        _ field: UInt32,
        _ content: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) {
        switch field {
        case Self.dimsField:
            var numbers = ProtobufFields(content)
            while let number = try numbers.nextPacked(in: bytes) { addDimension(number) }
        case Self.nameField:
            let text = bytes.text(content)
            name = ExactString(text ?? bytes.repairedText(content))
            isNameText = text != nil
        case Self.externalDataField:
            isElsewhere = true
            try addEntry(content, in: bytes)
        case _ where Self.dataFields.contains(field) && !content.isEmpty: hasDataInside = true
        default: break
        }
    }

    /// One more than may be is kept: enough to tell.
    private mutating func addDimension(_ value: UInt64) {
        guard shape.count <= EngineLimits.maxRank else { return }
        shape.append(Int64(bitPattern: value))
    }

    /// StringStringEntryProto: 1 key, 2 value. More entries than there are keys are refused later.
    private mutating func addEntry(_ range: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        guard entries.count <= Self.keys.count else { return }
        var entry = (key: "", value: "")
        var fields = ProtobufFields(range)
        while let field = try fields.next(in: bytes) {
            guard case .content(let number, let content) = field else { continue }
            // What is no text is no key, no path and no number.
            if number == 1 { entry.key = bytes.text(content) ?? "\u{FFFD}" }
            if number == 2 { entry.value = bytes.text(content) ?? "\0" }
        }
        entries.append(entry)
    }

    /// The keys that the format has. A checksum is not looked at: the registry has a better one.
    private static let keys: Set<String> = ["location", "offset", "length", "checksum"]

    /// The tensor, all of whose fields have to make sense.
    ///
    /// - Throws: `invalidModel`, or `unsupported` for a type of elements that is not taken.
    func external() throws(EngineError) -> ExternalTensor {
        guard isNameText, !name.isEmpty, !name.utf8.contains(0) else {
            throw EngineError(
                .invalidModel,
                "a tensor of the model has its data in another file, and a name that is no text"
            )
        }
        guard dataLocation == Self.dataLocationExternal, !hasDataInside else {
            throw wrong("has its data both in the model and in another file")
        }
        let values = try values()
        guard let location = values["location"], ExternalLocation.isClean(location) else {
            throw wrong(
                "has its data in another file, whose path is not a clean one below the model's "
                    + "folder"
            )
        }
        guard ExternalTensor.elementBits(ofType: elementType) != nil else {
            throw EngineError(
                .unsupported,
                "tensor \(quoted(name)) of the model has its data in another file, and ONNX element "
                    + "type \(elementType), which is not taken from there"
            )
        }
        guard shape.count <= EngineLimits.maxRank,
            let byteCount = ExternalTensor.byteCount(ofType: elementType, shape: shape),
            byteCount > 0
        else {
            throw wrong(
                "has its data in another file, and not 0 to \(EngineLimits.maxRank) dimensions above 0"
            )
        }
        let offset = try number(values["offset"] ?? "0", "offset")
        let length = try values["length"].map { text throws(EngineError) in
            try number(text, "length")
        }
        guard length == nil || length == byteCount else {
            throw wrong(
                "has \(length ?? 0) bytes of data in another file, and its type and shape need "
                    + "\(byteCount)"
            )
        }
        return ExternalTensor(
            name: name,
            elementType: elementType,
            shape: shape,
            location: ExactString(location),
            offset: offset,
            byteCount: byteCount
        )
    }

    private func values() throws(EngineError) -> [String: String] {
        var values: [String: String] = [:]
        for (key, value) in entries {
            guard Self.keys.contains(key), values.updateValue(value, forKey: key) == nil else {
                throw wrong("says in an unknown way, or twice, where in another file its data is")
            }
        }
        return values
    }

    private func number(_ text: String, _ key: String) throws(EngineError) -> UInt64 {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let isDecimal = text.utf8.allSatisfy { digits.contains($0) }
        guard isDecimal, let number = UInt64(text) else {
            throw wrong("has its data in another file, at a \(key) that is no number of bytes")
        }
        return number
    }

    private func wrong(_ what: String) -> EngineError {
        EngineError(.invalidModel, "tensor \(quoted(name)) of the model \(what)")
    }
}

extension RawSpan {
    /// The text that lies there; nil if it is not UTF-8.
    func text(_ range: Range<Int>) -> String? {
        unsafe extracting(range).withUnsafeBytes { bytes in
            unsafe String(validating: bytes, as: UTF8.self)
        }
    }

    /// The text that lies there, with marks for what is not UTF-8.
    func repairedText(_ range: Range<Int>) -> String {
        unsafe extracting(range).withUnsafeBytes { bytes in
            unsafe String(decoding: bytes, as: UTF8.self)
        }
    }
}
