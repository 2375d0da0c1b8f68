internal import COnnxRuntime
internal import Text

/// A `TensorProto`, as far as the place of its data goes.
struct TensorFields {
    /// The place of the message in the model's file.
    let place: Range<Int>
    /// The tensor's name.
    private(set) var name: ExactString = ""
    /// Whether it has any field that refers to another file, whether the runtime heeds it or not.
    private(set) var namesFile = false
    private var isNameText = true
    private var elementType: UInt32 = 0
    private var shape: [Int64] = []
    private var dataLocation: UInt32 = 0
    private var entries: [(key: String, value: String)] = []

    private static let dimsField: UInt32 = 1
    private static let typeField: UInt32 = 2
    private static let nameField: UInt32 = 8
    private static let externalDataField: UInt32 = 13
    private static let dataLocationField: UInt32 = 14
    private static let dataLocationExternal: UInt32 = 1
    /// The keys of ONNX. A checksum is not looked at: the registry has a better one.
    private static let keys: Set<String> = ["location", "offset", "length", "checksum"]

    /// Whether the runtime takes its data from another file, and not from the model.
    var isExternal: Bool { dataLocation == Self.dataLocationExternal }

    /// Reads the message that lies there.
    init(_ range: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        place = range
        var fields = ProtobufFields(range)
        while let field = try fields.next(in: bytes) {
            switch field {
            case .number(let number, let value): take(number, value)
            case .content(let number, let content): try take(number, content, in: bytes)
            case .fixed32, .fixed64, .group: break
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
            if isExternal { namesFile = true }
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
            namesFile = true
            try addEntry(content, in: bytes)
        default: break
        }
    }

    /// One more than may be is kept: enough to tell.
    private mutating func addDimension(_ value: UInt64) {
        guard shape.count <= EngineLimits.maxInitializerRank else { return }
        shape.append(Int64(bitPattern: value))
    }

    /// StringStringEntryProto: 1 key, 2 value. More entries than there are keys are refused later.
    private mutating func addEntry(_ range: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        guard entries.count <= Self.keys.count else { return }
        var entry = (key: "", value: "")
        try ProtobufFields.forEachContent(in: range, of: bytes) { number, content in
            // Bytes that are no text are no key, no path and no number.
            if number == 1 { entry.key = bytes.text(content) ?? "\u{FFFD}" }
            if number == 2 { entry.value = bytes.text(content) ?? "\0" }
        }
        entries.append(entry)
    }

    /// The tensor, all of whose fields have to make sense.
    ///
    /// - Throws: `invalidModel`, or `unsupported` for a type of elements that cannot lie in
    ///   another file.
    func external() throws(EngineError) -> ExternalTensor {
        guard isNameText, !name.text.utf8.contains(0) else {
            throw EngineError(
                .invalidModel,
                "tensor \(quoted(name.text)) of the model has its data in another file, and its "
                    + "name is not UTF-8 text without zeros"
            )
        }
        let values = try values()
        let location = try location(values["location"] ?? "")
        guard ExternalTensor.elementBits(ofType: elementType) != nil else {
            throw EngineError(
                .unsupported,
                "tensor \(quoted(name.text)) of the model has its data in another file, and "
                    + "elements of type \(OnnxTypeName.of(elementType)), which ONNX Runtime "
                    + "takes from the model itself only"
            )
        }
        guard shape.count <= EngineLimits.maxInitializerRank else {
            throw wrong(
                "has its data in another file, and more than \(EngineLimits.maxInitializerRank) "
                    + "dimensions"
            )
        }
        guard let byteCount = ExternalTensor.byteCount(ofType: elementType, shape: shape) else {
            throw wrong(
                "has its data in another file, and a shape whose sizes are negative or whose "
                    + "bytes cannot be counted"
            )
        }
        // The runtime takes a length of 0 for one that is not given.
        let length = try number(values["length"] ?? "0", "length")
        guard length == 0 || length == byteCount else {
            throw wrong(
                "has \(length) bytes of data in another file, and its type and shape need "
                    + "\(byteCount)"
            )
        }
        return ExternalTensor(
            name: name,
            elementType: elementType,
            shape: shape,
            location: location,
            offset: try number(values["offset"] ?? "0", "offset"),
            byteCount: byteCount,
            place: place
        )
    }

    private func location(_ text: String) throws(EngineError) -> ExactString {
        do throws(ExternalLocation.Refusal) {
            return try ExternalLocation.path(text)
        } catch {
            let why =
                switch error {
                case .absolute: "an absolute path"
                case .leavesFolder: "a path with '..'"
                case .notInBundle: "a path that no file of a bundle has"
                }
            throw wrong(
                "has its data in another file, at \(quoted(text)), which is \(why): expected the "
                    + "path of a file of the bundle below the model's folder"
            )
        }
    }

    private func values() throws(EngineError) -> [String: String] {
        var values: [String: String] = [:]
        for (key, value) in entries {
            guard Self.keys.contains(key) else {
                throw wrong(
                    "has the unknown key \(quoted(key)) on the file with its data, expected one of "
                        + "location, offset, length, checksum"
                )
            }
            guard values.updateValue(value, forKey: key) == nil else {
                throw wrong("has the key \(quoted(key)) on the file with its data twice")
            }
        }
        return values
    }

    private func number(_ text: String, _ key: String) throws(EngineError) -> UInt64 {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let isDecimal = text.utf8.allSatisfy { digits.contains($0) }
        guard isDecimal, let number = UInt64(text) else {
            throw wrong(
                "has its data in another file, and its \(key) \(quoted(text)) is no number of bytes"
            )
        }
        return number
    }

    private func wrong(_ what: String) -> EngineError {
        EngineError(.invalidModel, "tensor \(quoted(name.text)) of the model \(what)")
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
