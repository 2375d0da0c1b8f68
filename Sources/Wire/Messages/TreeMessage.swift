internal import NIOCore

/// A message that knows its fields' numbers: all else about writing it is shared.
protocol EncodableMessage {
    func write(to writer: inout ProtoWriter)
}

extension EncodableMessage {
    package func encode(into buffer: inout ByteBuffer) {
        buffer.append { writer in write(to: &writer) }
    }
}

extension ByteBuffer {
    /// Counts what is written, reserves exactly that, and writes it.
    mutating func append(fields: (inout ProtoWriter) -> Void) {
        let count = ProtoWriter.byteCount(of: fields)
        ProtoWriter.append(count, to: &self, fields: fields)
    }
}

/// A message that is read through protobuf-c.
protocol TreeMessage: EncodableMessage {
    /// What its bytes are checked against and unpacked by.
    static var schema: MessageSchema { get }

    init(_ fields: borrowing MessageView)
}

extension TreeMessage {
    package init(decoding buffer: ByteBuffer) throws(WireError) {
        let tree = try MessageTree(unpacking: buffer.readableBytesSpan, as: Self.schema)
        self.init(tree.fields)
    }
}
