internal import NIOCore

/// What can be read field by field from where it lies.
protocol InPlaceReadable {
    init()

    /// Takes in all fields.
    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault)
}

/// A message that is read in place instead of through protobuf-c, since it is large or
/// frequent: its `bytes` fields are slices of the buffer that it came in.
///
/// The bytes pass the same scan. As protobuf says, fields may come in any order, the last
/// occurrence of a scalar or of a oneof's members counts, and unknown fields are skipped.
protocol ScannedMessage: EncodableMessage, InPlaceReadable {
    /// What its bytes are checked against.
    static var schema: MessageSchema { get }
}

extension ScannedMessage {
    package init(decoding buffer: ByteBuffer) throws(WireError) {
        let bytes = buffer.readableBytesSpan
        try MessageScan.check(bytes, as: Self.schema)
        self.init()
        do throws(ProtoFault) {
            var fields = ScannedFields(buffer, bytes, range: 0..<bytes.byteCount)
            try read(&fields)
        } catch {
            throw WireError(.invalidArgument, "\(Self.schema.name): \(error)")
        }
    }
}
