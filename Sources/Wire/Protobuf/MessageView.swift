internal import CProtobufC
internal import Text

/// The fields of one message of a ``MessageTree``, by number.
///
/// The one place that reads protobuf-c's structures: member offsets come from the descriptor,
/// and each read is checked against the field's type there, so that a wrong number in a
/// message's Swift code stops the first test that decodes it.
@safe struct MessageView: ~Escapable {
    private let base: UnsafeRawPointer
    private let schema: MessageSchema

    /// - Parameter base: a message of that schema, alive as long as `owner`.
    @_lifetime(borrow owner)
    init(_ base: UnsafeRawPointer, _ schema: MessageSchema, owner: borrowing MessageTree) {
        unsafe self.base = base
        self.schema = schema
    }

    @_lifetime(copy parent)
    private init(_ base: UnsafeRawPointer, _ schema: MessageSchema, parent: borrowing MessageView) {
        unsafe self.base = base
        self.schema = schema
    }

    func string(_ number: UInt32) -> String {
        unsafe Self.string(load(number, .string))
    }

    func bytes(_ number: UInt32) -> [UInt8] {
        let data: ProtobufCBinaryData = unsafe load(number, .bytes)
        guard let start = unsafe data.data else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: data.len))
    }

    func uint64(_ number: UInt32) -> UInt64 { load(number, .uint64) }

    func int64(_ number: UInt32) -> Int64 { load(number, .int64) }

    func uint32(_ number: UInt32) -> UInt32 { load(number, .uint32) }

    func int32(_ number: UInt32) -> Int32 { load(number, .int32) }

    /// The number of an enum's value, whether or not this version knows it.
    func enumeration(_ number: UInt32) -> Int32 { load(number, .enumeration) }

    func bool(_ number: UInt32) -> Bool {
        let value: Int32 = load(number, .bool)
        return value != 0
    }

    /// Whether a member of a oneof is the one that is set.
    func isSet(_ number: UInt32) -> Bool {
        let field = field(number)
        precondition(field.isOneofMember, "\(schema.name).\(field.name) is in no oneof")
        let set = unsafe base.load(fromByteOffset: field.quantifierOffset, as: UInt32.self)
        return set == number
    }

    func strings(_ number: UInt32) -> [String] {
        let member = unsafe elements(number, .string, of: UnsafePointer<CChar>?.self)
        return unsafe member.map { pointer in unsafe Self.string(pointer) }
    }

    func uint64s(_ number: UInt32) -> [UInt64] {
        unsafe Array(elements(number, .uint64, of: UInt64.self))
    }

    func int64s(_ number: UInt32) -> [Int64] {
        unsafe Array(elements(number, .int64, of: Int64.self))
    }

    /// A nested message, nil if it is absent.
    func message<Message: TreeMessage>(_ number: UInt32, as type: Message.Type) -> Message? {
        let pointer: UnsafeRawPointer? = unsafe load(number, .message)
        guard let pointer = unsafe pointer else { return nil }
        return unsafe Message(MessageView(pointer, nested(number), parent: self))
    }

    func messages<Message: TreeMessage>(_ number: UInt32, as type: Message.Type) -> [Message] {
        let schema = nested(number)
        let pointers = unsafe elements(number, .message, of: UnsafeRawPointer.self)
        return unsafe pointers.map { pointer in
            unsafe Message(MessageView(pointer, schema, parent: self))
        }
    }

    /// A `map<string, string>`, which is a repeated message on the wire. The last entry of a key
    /// counts.
    func map(_ number: UInt32) -> [ExactString: ExactString] {
        let schema = nested(number)
        var map: [ExactString: ExactString] = [:]
        let pointers = unsafe elements(number, .message, of: UnsafeRawPointer.self)
        for index in pointers.indices {
            let pointer = unsafe pointers[index]
            let entry = unsafe MessageView(pointer, schema, parent: self)
            map[ExactString(entry.string(1))] = ExactString(entry.string(2))
        }
        return map
    }

    private func field(_ number: UInt32) -> FieldSchema {
        guard let field = schema.field(number) else {
            preconditionFailure("\(schema.name) has no field \(number)")
        }
        return field
    }

    private func nested(_ number: UInt32) -> MessageSchema {
        guard let schema = field(number).message else {
            preconditionFailure("\(schema.name) has no message field \(number)")
        }
        return schema
    }

    /// A member that is not repeated.
    private func load<Value>(_ number: UInt32, _ type: FieldType) -> Value {
        let field = field(number)
        precondition(
            field.type == type && !field.isRepeated,
            "\(schema.name).\(field.name) is \(field.type), read as \(type)"
        )
        return unsafe base.load(fromByteOffset: field.offset, as: Value.self)
    }

    /// A repeated member: a count, and a pointer to that many elements.
    private func elements<Element>(
        _ number: UInt32,
        _ type: FieldType,
        of: Element.Type
    ) -> UnsafeBufferPointer<Element> {
        let field = field(number)
        precondition(
            field.type == type && field.isRepeated,
            "\(schema.name).\(field.name) is \(field.type), read as repeated \(type)"
        )
        let count = unsafe base.load(fromByteOffset: field.quantifierOffset, as: Int.self)
        let start = unsafe base.load(
            fromByteOffset: field.offset,
            as: UnsafePointer<Element>?.self
        )
        return unsafe UnsafeBufferPointer(start: start, count: count)
    }

    /// Safe to read up to the NUL: the scan let no other NUL through, and valid UTF-8 only.
    private static func string(_ pointer: UnsafePointer<CChar>?) -> String {
        guard let pointer = unsafe pointer else { return "" }
        return unsafe String(cString: pointer)
    }
}
