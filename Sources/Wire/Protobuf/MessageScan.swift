/// How large an encoded message may be in ways that its length does not bound.
///
/// A field of two bytes can cost a hundred in memory once unpacked; these keep what one request
/// allocates within some tens of MiB.
struct ScanLimits: Sendable, Equatable {
    /// Messages within messages.
    var maxDepth = 32
    /// Fields of the whole tree, known and unknown. A list of 10,000 files has 40,000.
    var maxFields = 131_072
    /// Elements of all repeated fields of the tree, packed ones included.
    var maxElements = 65_536
    /// Fields that the schema does not know, which protobuf-c copies one by one.
    var maxUnknownFields = 1_024
}

/// Checks encoded bytes against a schema before protobuf-c sees them.
///
/// protobuf-c recurses without a limit, takes any bytes for text, cuts text at NUL, and
/// allocates for whatever is repeated. What passes this scan nests at most `maxDepth` deep, has
/// the wire types of its schema, holds only valid text without NUL, and has bounded counts.
///
/// One thing that protobuf allows is refused: a message field that is not repeated may occur
/// once only. Merging occurrences is quadratic in memory, and no encoder writes them.
struct MessageScan {
    private let limits: ScanLimits
    private var fieldCount = 0
    private var elementCount = 0
    private var unknownCount = 0
    /// `Message.field` where the innermost fault was found.
    private var place: String?

    private init(_ limits: ScanLimits) {
        self.limits = limits
    }

    /// - Throws: `invalidArgument`, naming message and field.
    static func check(
        _ bytes: RawSpan,
        as schema: MessageSchema,
        limits: ScanLimits = ScanLimits()
    ) throws(WireError) {
        var scan = MessageScan(limits)
        do throws(ProtoFault) {
            try scan.walk(bytes, 0..<bytes.byteCount, schema, depth: 1)
        } catch {
            throw WireError(.invalidArgument, "\(scan.place ?? schema.name): \(error)")
        }
    }

    private mutating func walk(
        _ bytes: RawSpan,
        _ range: Range<Int>,
        _ schema: MessageSchema,
        depth: Int
    ) throws(ProtoFault) {
        guard depth <= limits.maxDepth else { throw .tooDeep(limit: limits.maxDepth) }
        var cursor = ProtoCursor(bytes, range: range)
        // The message fields seen, by number: see the type's comment.
        var seen: UInt64 = 0
        while !cursor.isAtEnd {
            var field: FieldSchema?
            do throws(ProtoFault) {
                let (number, wireType) = try cursor.readTag()
                fieldCount += 1
                guard fieldCount <= limits.maxFields else {
                    throw .tooManyFields(limit: limits.maxFields)
                }
                field = schema.field(number)
                guard let field else {
                    try skipUnknown(&cursor, wireType)
                    continue
                }
                if field.isRepeated {
                    try walkRepeated(bytes, &cursor, wireType, field, depth: depth)
                } else {
                    try expect(field.type.wireType, wireType)
                    if field.type == .message {
                        let bit: UInt64 = 1 << UInt64(number)
                        guard seen & bit == 0 else { throw .repeatedOnce }
                        seen |= bit
                    }
                    let data = try cursor.skip(wireType)
                    try walkValue(bytes, data, field, depth: depth)
                }
            } catch {
                if place == nil {
                    place = field.map { "\(schema.name).\($0.name)" } ?? schema.name
                }
                throw error
            }
        }
    }

    private mutating func skipUnknown(
        _ cursor: inout ProtoCursor,
        _ wireType: ProtoWireType
    ) throws(ProtoFault) {
        unknownCount += 1
        guard unknownCount <= limits.maxUnknownFields else {
            throw .tooManyUnknownFields(limit: limits.maxUnknownFields)
        }
        try cursor.skip(wireType)
    }

    /// One occurrence of a repeated field: an element, or numbers packed into one.
    private mutating func walkRepeated(
        _ bytes: RawSpan,
        _ cursor: inout ProtoCursor,
        _ wireType: ProtoWireType,
        _ field: FieldSchema,
        depth: Int
    ) throws(ProtoFault) {
        let elementType = field.type.wireType
        let isPacked = wireType == .lengthDelimited && elementType != .lengthDelimited
        if !isPacked {
            try expect(elementType, wireType)
        }
        let data = try cursor.skip(wireType)
        guard isPacked else {
            try countElements(1)
            return try walkValue(bytes, data, field, depth: depth)
        }
        switch elementType {
        case .fixed32: try countElements(Self.quotient(data.count, 4))
        case .fixed64: try countElements(Self.quotient(data.count, 8))
        case .varint, .lengthDelimited:
            var elements = ProtoCursor(bytes, range: data)
            while !elements.isAtEnd {
                try countElements(1)
                try elements.skip(.varint)
            }
        }
    }

    private static func quotient(_ count: Int, _ size: Int) throws(ProtoFault) -> Int {
        guard count.isMultiple(of: size) else { throw .lengthNotMultiple(of: size) }
        return count / size
    }

    private mutating func countElements(_ count: Int) throws(ProtoFault) {
        elementCount += count
        guard elementCount <= limits.maxElements else {
            throw .tooManyElements(limit: limits.maxElements)
        }
    }

    private mutating func walkValue(
        _ bytes: RawSpan,
        _ data: Range<Int>,
        _ field: FieldSchema,
        depth: Int
    ) throws(ProtoFault) {
        switch field.type {
        case .string:
            try ProtoCursor(bytes).checkText(data)
        case .message:
            guard let schema = field.message else {
                preconditionFailure("the message field \(field.name) has no schema")
            }
            try walk(bytes, data, schema, depth: depth + 1)
        default:
            break
        }
    }
}
