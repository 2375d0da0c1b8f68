package import JSON
internal import Text

/// Tensors in the JSON of the Open Inference Protocol's REST binding: `data` nested or flat,
/// row-major; BYTES elements as strings, or `{"b64": ...}` where they are not UTF-8; NaN and
/// infinities as the strings "NaN", "Infinity" and "-Infinity".
///
/// Read and written by golden requests and by the command line.
package enum TensorJSON {
    /// Why a JSON value is not a tensor of the wanted type.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// A tensor's shape and its bytes as in the schema: little-endian; BYTES elements each behind
    /// their length.
    package struct Content: Sendable, Equatable {
        package let shape: [Int64]
        package let bytes: [UInt8]

        package init(shape: [Int64], bytes: [UInt8]) {
            self.shape = shape
            self.bytes = bytes
        }
    }

    /// Reads `data` of element type `type`.
    /// - Parameter shape: the tensor's shape where it is said beside the data (which may then be
    ///   flat); nil: the nesting says it.
    /// - Throws: ``Failure`` for ragged nesting, an element of another kind or out of the type's
    ///   range, or a count that does not agree with `shape`.
    package static func decode(
        _ data: JSONValue,
        type: ElementType,
        shape: [Int64]? = nil
    ) throws(Failure) -> Content {
        var reader = TensorReader(type: type)
        try reader.read(data, level: 0)
        guard let shape else {
            return Content(shape: reader.dimensions.map { Int64($0 ?? 0) }, bytes: reader.bytes)
        }
        guard let expected = TensorShape.elementCount(shape) else {
            throw Failure(description: "\(shape) is not a shape")
        }
        guard reader.count == expected else {
            throw Failure(
                description: "\(reader.count) elements, expected \(expected) for shape \(shape)"
            )
        }
        guard reader.agrees(with: shape) else {
            throw Failure(description: "the nesting of the data does not agree with shape \(shape)")
        }
        return Content(shape: shape, bytes: reader.bytes)
    }

    /// The elements of `bytes` as JSON values, flat and row-major.
    /// - Throws: ``Failure`` when `bytes` does not hold whole elements.
    package static func elements(
        of bytes: [UInt8],
        type: ElementType
    ) throws(Failure) -> [JSONValue] {
        guard let width = type.byteCount else { return try strings(of: bytes) }
        guard bytes.count % width == 0 else {
            throw Failure(description: "\(bytes.count) bytes are no whole \(type.name)s")
        }
        return stride(from: 0, to: bytes.count, by: width).map { offset in
            element(littleEndian(bytes, at: offset, width: width), type: type)
        }
    }

    /// The bytes of each element of a BYTES tensor.
    /// - Throws: ``Failure`` when a length does not fit what follows it.
    package static func byteElements(of bytes: [UInt8]) throws(Failure) -> [[UInt8]] {
        var elements: [[UInt8]] = []
        var offset = 0
        while offset < bytes.count {
            guard bytes.count - offset >= 4 else {
                throw Failure(description: "a BYTES element's length is cut short")
            }
            let length = Int(littleEndian(bytes, at: offset, width: 4))
            offset += 4
            guard length <= bytes.count - offset else {
                throw Failure(description: "a BYTES element is cut short")
            }
            elements.append(Array(bytes[offset..<offset + length]))
            offset += length
        }
        return elements
    }

    private static func strings(of bytes: [UInt8]) throws(Failure) -> [JSONValue] {
        try byteElements(of: bytes).map { element in
            if let text = String(validating: element, as: UTF8.self) { return .string(text) }
            let encoded = JSONValue.Member(name: "b64", value: .string(Base64.encode(element)))
            return .object([encoded])
        }
    }

    private static func littleEndian(_ bytes: [UInt8], at offset: Int, width: Int) -> UInt64 {
        var bits: UInt64 = 0
        for index in (0..<width).reversed() {
            bits = bits << 8 | UInt64(bytes[offset + index])
        }
        return bits
    }

    private static func element(_ bits: UInt64, type: ElementType) -> JSONValue {
        switch type {
        case .bool: .bool(bits != 0)
        case .uint8, .uint16, .uint32, .uint64: .number(String(bits))
        case .int8: .number(String(Int8(truncatingIfNeeded: bits)))
        case .int16: .number(String(Int16(truncatingIfNeeded: bits)))
        case .int32: .number(String(Int32(truncatingIfNeeded: bits)))
        case .int64: .number(String(Int64(bitPattern: bits)))
        case .fp16: number(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
        case .bf16: number(Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16))
        case .fp32: number(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .fp64: number(Double(bitPattern: bits))
        case .bytes: .null
        }
    }

    /// The shortest digits that read back the same: what `description` gives.
    private static func number<T: BinaryFloatingPoint & LosslessStringConvertible>(
        _ value: T
    ) -> JSONValue {
        if value.isNaN { return .string("NaN") }
        if value.isInfinite { return .string(value < 0 ? "-Infinity" : "Infinity") }
        return .number(value.description)
    }
}

/// Walks nested data and writes its elements.
private struct TensorReader {
    let type: ElementType
    var bytes: [UInt8] = []
    var count = 0
    /// The length at each level, once the first array of that level has ended.
    var dimensions: [Int?] = []
    /// The level at which elements stand; nil until the first one.
    private var elementLevel: Int?

    init(type: ElementType) {
        self.type = type
    }

    mutating func read(_ value: JSONValue, level: Int) throws(TensorJSON.Failure) {
        guard case .array(let values) = value else {
            guard elementLevel ?? level == level, dimensions.count == level else { throw ragged }
            elementLevel = level
            count += 1
            return try append(value)
        }
        guard elementLevel.map({ level < $0 }) ?? true else { throw ragged }
        if dimensions.count == level { dimensions.append(nil) }
        for inner in values { try read(inner, level: level + 1) }
        guard dimensions[level] ?? values.count == values.count else { throw ragged }
        dimensions[level] = values.count
    }

    /// Whether the nesting is that of `shape`. Flat data is of any shape; and below an empty level
    /// nothing says how it would have gone on.
    func agrees(with shape: [Int64]) -> Bool {
        if dimensions.count <= 1 { return true }
        let nesting = dimensions.map { Int64($0 ?? 0) }
        return nesting.last == 0 ? shape.starts(with: nesting) : nesting == shape
    }

    private var ragged: TensorJSON.Failure {
        TensorJSON.Failure(description: "the rows of the data differ in length or depth")
    }

    private mutating func append(_ value: JSONValue) throws(TensorJSON.Failure) {
        switch type {
        case .bool:
            guard case .bool(let flag) = value else { throw mismatch(value) }
            bytes.append(flag ? 1 : 0)
        case .uint8: append(try integer(value) as UInt8)
        case .uint16: append(try integer(value) as UInt16)
        case .uint32: append(try integer(value) as UInt32)
        case .uint64: append(try integer(value) as UInt64)
        case .int8: append(try integer(value) as Int8)
        case .int16: append(try integer(value) as Int16)
        case .int32: append(try integer(value) as Int32)
        case .int64: append(try integer(value) as Int64)
        case .fp16: append(try float(value, Float16.init).bitPattern)
        case .bf16: append(UInt16(try float(value, bfloat16).bitPattern >> 16))
        case .fp32: append(try float(value, Float.init).bitPattern)
        case .fp64: append(try float(value, Double.init).bitPattern)
        case .bytes:
            let element = try text(value)
            append(UInt32(element.count))
            bytes.append(contentsOf: element)
        }
    }

    private mutating func append<T: FixedWidthInteger>(_ value: T) {
        for shift in stride(from: 0, to: T.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }

    private func integer<T: FixedWidthInteger>(
        _ value: JSONValue
    ) throws(TensorJSON.Failure) -> T {
        guard case .number(let text) = value else { throw mismatch(value) }
        guard let number = T(text) else {
            throw TensorJSON.Failure(description: "\(text) is no \(type.name)")
        }
        return number
    }

    /// - Parameter read: Rounds once, to the type, and to infinity what is past its range.
    private func float<T: BinaryFloatingPoint>(
        _ value: JSONValue,
        _ read: (String) -> T?
    ) throws(TensorJSON.Failure) -> T {
        switch value {
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        case .number(let text):
            guard let number = read(text), number.isFinite else {
                throw TensorJSON.Failure(description: "\(text) is out of the range of \(type.name)")
            }
            return number
        default: throw mismatch(value)
        }
    }

    /// The nearest value whose lower half is zero, ties to even.
    private func bfloat16(_ text: String) -> Float? {
        guard let value = Double(text) else { return nil }
        var near = Float(value)
        // Rounded to odd where it is not exact: rounding twice then gives what once would.
        if near.isFinite, Double(near) != value {
            if Double(near).magnitude > value.magnitude {
                near = Float(bitPattern: near.bitPattern - 1)
            }
            near = Float(bitPattern: near.bitPattern | 1)
        }
        guard near.isFinite else { return near }
        let bits = near.bitPattern
        return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    private func text(_ value: JSONValue) throws(TensorJSON.Failure) -> [UInt8] {
        switch value {
        case .string(let text): return Array(text.utf8)
        case .object(let members):
            guard members.count == 1, case .string(let encoded)? = value["b64"],
                let bytes = Base64.decode(encoded)
            else { throw mismatch(value) }
            return bytes
        default: throw mismatch(value)
        }
    }

    private func mismatch(_ value: JSONValue) -> TensorJSON.Failure {
        TensorJSON.Failure(description: "\(value.kind) where \(type.name) was expected")
    }
}
