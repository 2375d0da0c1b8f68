internal import Engine
internal import Text

/// Arrays in NumPy's file format, versions 1 to 3 (numpy.lib.format): numbers, booleans, `S` and
/// `U` strings. Objects are pickles, which run code: refused.
enum NPYFile {
    struct Failure: Error {
        let description: String
    }

    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// The array as a tensor of `type`.
    /// - Throws: ``Failure`` when the file is not one, or holds another type.
    static func read(_ bytes: [UInt8], as type: ElementType) throws(Failure) -> TensorJSON.Content {
        guard bytes.count >= 12, Array(bytes[..<6]) == magic else {
            throw Failure(description: "not a .npy file")
        }
        let isFirst = bytes[6] == 1
        let start = isFirst ? 10 : 12
        let lengthBytes = bytes[8..<start]
        let length = lengthBytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= bytes.count - start else {
            throw Failure(description: "its header is cut short")
        }
        let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
        guard try field("fortran_order", of: header).hasPrefix("False") else {
            throw Failure(description: "column-major order; save it with numpy.ascontiguousarray")
        }
        let shape = try self.shape(of: header)
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(size))
            guard !overflow else { throw Failure(description: "its shape is too large") }
            count = product
        }
        let kind = try descriptor(of: header)
        let data = Array(bytes[(start + length)...])
        let (size, sizeOverflow) = count.multipliedReportingOverflow(by: kind.width)
        guard !sizeOverflow, data.count == size else {
            throw Failure(description: "\(data.count) bytes of data, expected \(size)")
        }
        return TensorJSON.Content(
            shape: shape,
            bytes: try convert(data, count: count, kind: kind, to: type)
        )
    }

    private struct Kind {
        let code: Character
        let width: Int
        let isBigEndian: Bool
        let text: String
    }

    private static func convert(
        _ data: [UInt8],
        count: Int,
        kind: Kind,
        to type: ElementType
    ) throws(Failure) -> [UInt8] {
        if kind.code == "S" || kind.code == "U" {
            guard type == .bytes else { throw mismatch(kind, type) }
            return try strings(data, count: count, kind: kind)
        }
        let names: [String: ElementType] = [
            "b1": .bool, "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64, "i1": .int8,
            "i2": .int16, "i4": .int32, "i8": .int64, "f2": .fp16, "f4": .fp32, "f8": .fp64,
        ]
        guard names["\(kind.code)\(kind.width)"] == type else { throw mismatch(kind, type) }
        guard kind.isBigEndian, kind.width > 1 else { return data }
        var swapped = data
        for offset in stride(from: 0, to: data.count, by: kind.width) {
            swapped[offset..<offset + kind.width].reverse()
        }
        return swapped
    }

    private static func strings(
        _ data: [UInt8],
        count: Int,
        kind: Kind
    ) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<count {
            let element = data[index * kind.width..<(index + 1) * kind.width]
            let text: [UInt8]
            if kind.code == "S" {
                text = Array(
                    element.prefix(
                        1 + (element.lastIndex { $0 != 0 } ?? element.startIndex - 1)
                            - element.startIndex
                    )
                )
            } else {
                text = try unicode(Array(element), isBigEndian: kind.isBigEndian)
            }
            for shift in stride(from: 0, to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: text.count >> shift))
            }
            bytes.append(contentsOf: text)
        }
        return bytes
    }

    /// UTF-32, padded with zeros at the end.
    private static func unicode(
        _ element: [UInt8],
        isBigEndian: Bool
    ) throws(Failure) -> [UInt8] {
        var text = String.UnicodeScalarView()
        for offset in stride(from: 0, to: element.count, by: 4) {
            let unit = Array(element[offset..<offset + 4])
            let code = (isBigEndian ? unit : unit.reversed()).reduce(UInt32(0)) {
                $0 << 8 | UInt32($1)
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw Failure(description: "a string holds no character \(code)")
            }
            text.append(scalar)
        }
        while text.last?.value == 0 { text.removeLast() }
        return Array(String(text).utf8)
    }

    private static func mismatch(_ kind: Kind, _ type: ElementType) -> Failure {
        Failure(description: "its elements are \(quoted(kind.text)), the model takes \(type.name)")
    }

    private static func descriptor(of header: String) throws(Failure) -> Kind {
        let value = try field("descr", of: header)
        guard value.first == "'", let end = value.dropFirst().firstIndex(of: "'") else {
            throw Failure(description: "records are not taken, only plain arrays")
        }
        let text = String(value[value.index(after: value.startIndex)..<end])
        let order = text.first ?? " "
        guard let code = text.dropFirst().first, "biufSU".contains(code), "<>|=".contains(order),
            let number = Int(text.dropFirst(2)), (0...1 << 30).contains(number)
        else { throw Failure(description: "elements of type \(quoted(text)) are not taken") }
        return Kind(
            code: code,
            width: code == "U" ? number * 4 : number,
            isBigEndian: order == ">",
            text: text
        )
    }

    private static func shape(of header: String) throws(Failure) -> [Int64] {
        let value = try field("shape", of: header)
        guard value.first == "(", let end = value.firstIndex(of: ")") else {
            throw Failure(description: "its header has no shape")
        }
        var shape: [Int64] = []
        for part in value[value.index(after: value.startIndex)..<end].split(separator: ",") {
            let digits = part.filter { $0 != " " }
            if digits.isEmpty { continue }
            guard let size = Int64(digits), size >= 0 else {
                throw Failure(description: "its header has no shape")
            }
            shape.append(size)
        }
        return shape
    }

    /// What follows `'name':` in the header, a Python dictionary on one line.
    private static func field(_ name: String, of header: String) throws(Failure) -> Substring {
        let key = "\(quoted(name)):"
        var rest = header[...]
        while let quote = rest.firstIndex(of: "'") {
            rest = rest[quote...]
            if rest.hasPrefix(key) { return rest.dropFirst(key.count).drop { $0 == " " } }
            rest = rest.dropFirst()
        }
        throw Failure(description: "its header has no \(quoted(name))")
    }
}
