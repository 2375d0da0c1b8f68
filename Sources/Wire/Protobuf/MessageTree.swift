internal import CProtobufC

/// A message that protobuf-c unpacked, with all that hangs off it.
///
/// Values are copied out through ``fields`` and the tree is dropped, memory and all, at the end
/// of the scope that made it.
@safe struct MessageTree: ~Copyable {
    /// Most memory that a tree takes, before what is in proportion to its bytes. Enough for
    /// anything that passes the scan: it is there in case that reasoning is wrong.
    private static let maxOverheadBytes = 64 << 20
    private static let maxOverheadPerByte = 4

    private let arena: MessageArena
    private let root: UnsafeMutablePointer<ProtobufCMessage>
    private let schema: MessageSchema

    /// Scans, then unpacks.
    ///
    /// - Throws: `invalidArgument` for bytes that are not such a message, `resourceExhausted`
    ///   if unpacking takes more memory than allowed.
    init(
        unpacking bytes: RawSpan,
        as schema: MessageSchema,
        limits: ScanLimits = ScanLimits()
    ) throws(WireError) {
        guard let descriptor = unsafe schema.descriptor else {
            preconditionFailure("the schema \(schema.name) has no descriptor to unpack with")
        }
        try MessageScan.check(bytes, as: schema, limits: limits)
        let arena = MessageArena(
            expectedBytes: 2 * bytes.byteCount,
            maxBytes: Self.maxOverheadBytes + Self.maxOverheadPerByte * bytes.byteCount
        )
        guard let root = unsafe arena.unpack(bytes, as: descriptor) else {
            throw WireError(.resourceExhausted, "\(schema.name): cannot be unpacked")
        }
        self.arena = arena
        unsafe self.root = root
        self.schema = schema
    }

    /// The message's fields.
    var fields: MessageView {
        @_lifetime(borrow self)
        get {
            unsafe MessageView(UnsafeRawPointer(root), schema, owner: self)
        }
    }
}
