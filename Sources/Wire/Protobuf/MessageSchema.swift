internal import CProtobufC

/// What a message type looks like, read once from protobuf-c's descriptor.
///
/// The scan and the view of unpacked messages are written once against this, instead of once
/// for each message type.
///
/// `@unchecked Sendable`: written only while it is being built, before it is handed out.
@safe final class MessageSchema: @unchecked Sendable {
    /// Field numbers that a schema may use. All of this product's are below 16; the bound keeps
    /// the look-up a table and the set of fields seen in one integer.
    static let maxFieldNumber = 63

    /// The full name, for instance `strongroom.v1.Version`.
    let name: String
    /// Nil for a schema made in Swift, which can be scanned and not unpacked.
    let descriptor: UnsafePointer<ProtobufCMessageDescriptor>?
    /// By field number; nil where a number is not in use.
    private var fields: [FieldSchema?] = []

    /// A schema made in Swift.
    init(name: String) {
        self.name = name
        unsafe self.descriptor = nil
    }

    private init(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) {
        self.name = unsafe String(cString: descriptor.pointee.name)
        unsafe self.descriptor = descriptor
    }

    /// The field of that number, nil for one that this version does not know.
    func field(_ number: UInt32) -> FieldSchema? {
        Int(number) < fields.count ? fields[Int(number)] : nil
    }

    /// Adds a field while the schema is being built.
    func add(_ field: FieldSchema) {
        let number = Int(field.number)
        precondition(
            (1...Self.maxFieldNumber).contains(number),
            "\(name).\(field.name) has the number \(number), expected 1 to \(Self.maxFieldNumber)"
        )
        while fields.count <= number {
            fields.append(nil)
        }
        fields[number] = field
    }

    /// The schema of a generated message type, given that type's initialiser.
    ///
    /// The address of a descriptor matters, and Swift sees the descriptors as values: the
    /// pointer in an initialised message is the one way to it.
    static func generated<Message>(
        _ blank: Message,
        _ initialise: (UnsafeMutablePointer<Message>) -> Void
    ) -> MessageSchema {
        var message = blank
        unsafe initialise(&message)
        // Every generated message begins with its base, and that with the descriptor.
        let descriptor = unsafe withUnsafeBytes(of: &message) { bytes in
            unsafe bytes.load(as: UnsafePointer<ProtobufCMessageDescriptor>.self)
        }
        var built: [UnsafePointer<ProtobufCMessageDescriptor>: MessageSchema] = unsafe [:]
        return unsafe build(descriptor, &built)
    }

    private static func build(
        _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
        _ built: inout [UnsafePointer<ProtobufCMessageDescriptor>: MessageSchema]
    ) -> MessageSchema {
        if let schema = unsafe built[descriptor] { return schema }
        let schema = unsafe MessageSchema(descriptor)
        unsafe built[descriptor] = schema
        for index in 0..<Int(unsafe descriptor.pointee.n_fields) {
            let raw = unsafe descriptor.pointee.fields[index]
            let type = unsafe FieldType(raw.type)
            let message: MessageSchema?
            if type == .message, let pointer = unsafe raw.descriptor {
                message = unsafe build(
                    pointer.assumingMemoryBound(to: ProtobufCMessageDescriptor.self),
                    &built
                )
            } else {
                message = nil
            }
            schema.add(
                FieldSchema(
                    number: unsafe raw.id,
                    name: unsafe String(cString: raw.name),
                    type: type,
                    isRepeated: unsafe raw.label == PROTOBUF_C_LABEL_REPEATED,
                    message: message,
                    isOneofMember: unsafe raw.flags
                        & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0,
                    offset: Int(unsafe raw.offset),
                    quantifierOffset: Int(unsafe raw.quantifier_offset)
                )
            )
        }
        return schema
    }
}

/// One field of a ``MessageSchema``.
///
/// `@unchecked Sendable`: all is immutable, and ``MessageSchema`` is what it says of itself.
final class FieldSchema: @unchecked Sendable {
    let number: UInt32
    let name: String
    let type: FieldType
    let isRepeated: Bool
    /// For fields of type `message`.
    let message: MessageSchema?
    let isOneofMember: Bool
    /// Where the member lies in the C structure, in bytes.
    let offset: Int
    /// Where the count of a repeated field, or the case of a oneof, lies.
    let quantifierOffset: Int

    init(
        number: UInt32,
        name: String,
        type: FieldType,
        isRepeated: Bool = false,
        message: MessageSchema? = nil,
        isOneofMember: Bool = false,
        offset: Int = 0,
        quantifierOffset: Int = 0
    ) {
        self.number = number
        self.name = name
        self.type = type
        self.isRepeated = isRepeated
        self.message = message
        self.isOneofMember = isOneofMember
        self.offset = offset
        self.quantifierOffset = quantifierOffset
    }
}
