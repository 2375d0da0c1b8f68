/// Writes models field by field.
enum Proto {
    /// A field that holds a message or text.
    static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        varint(UInt64(number) << 3 | 2) + varint(UInt64(content.count)) + content
    }

    static func field(_ number: UInt8, _ text: String) -> [UInt8] {
        field(number, Array(text.utf8))
    }

    static func number(_ number: UInt8, _ value: UInt64) -> [UInt8] {
        varint(UInt64(number) << 3) + varint(value)
    }

    static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// A tensor of FP32 with its data in another file.
    static func external(
        _ name: String,
        shape: [UInt64],
        location: String,
        offset: UInt64 = 0
    ) -> [UInt8] {
        let entries = [("location", location), ("offset", "\(offset)")].flatMap { key, value in
            field(13, field(1, key) + field(2, value))
        }
        return shape.flatMap { number(1, $0) } + number(2, 1) + field(8, name) + entries
            + number(14, 1)
    }

    /// A model that looks rows up in each table and adds them: x [2] INT64 to y [2, columns].
    ///
    /// - Parameter tables: The initializers, named `w0`, `w1` and so on.
    static func lookups(in tables: [[UInt8]], columns: UInt64) -> [UInt8] {
        var nodes: [[UInt8]] = []
        var parts: [UInt8] = []
        for index in tables.indices {
            nodes.append(
                field(1, "w\(index)") + field(1, "x") + field(2, "g\(index)") + field(4, "Gather")
            )
            parts += field(1, "g\(index)")
        }
        nodes.append(parts + field(2, "y") + field(4, "Sum"))
        let graph =
            nodes.flatMap { field(1, $0) } + field(2, "lookups") + tables.flatMap { field(5, $0) }
            + field(11, value("x", type: 7, shape: [2]))
            + field(12, value("y", type: 1, shape: [2, columns]))
        return number(1, 10) + field(7, graph) + field(8, number(2, 21))
    }

    /// A model that adds scalars in vectors: `x0`, `x1` and so on, [1] FP32 each, to y [1].
    ///
    /// - Parameter first: The first input that has a default, which is 0; nil: none has.
    static func sum(inputs count: Int, defaultsFrom first: Int? = nil) -> [UInt8] {
        let names = (0..<count).map { "x\($0)" }
        let node = names.flatMap { field(1, $0) } + field(2, "y") + field(4, "Sum")
        let zero = { (name: String) in
            number(1, 1) + number(2, 1) + field(8, name) + field(9, [0, 0, 0, 0])
        }
        let graph =
            field(1, node) + field(2, "sum")
            + names.dropFirst(first ?? count).flatMap { field(5, zero($0)) }
            + names.flatMap { field(11, value($0, type: 1, shape: [1])) }
            + field(12, value("y", type: 1, shape: [1]))
        return number(1, 10) + field(7, graph) + field(8, number(2, 21))
    }

    private static func value(_ name: String, type: UInt64, shape: [UInt64]) -> [UInt8] {
        let dimensions = shape.flatMap { field(1, number(1, $0)) }
        return field(1, name) + field(2, field(1, number(1, type) + field(2, dimensions)))
    }
}
