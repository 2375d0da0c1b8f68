package import NIOCore
package import Text

extension V1 {
    /// Reads a published file back (role admin).
    package struct ReadFileRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The version's number.
        package var version: UInt64
        /// The file's path inside the bundle.
        package var path: ExactString
        /// Where in the file, in bytes.
        package var offset: UInt64
        /// In bytes, at most 1 MiB.
        package var length: UInt32

        package init(
            model: String = "",
            version: UInt64 = 0,
            path: ExactString = "",
            offset: UInt64 = 0,
            length: UInt32 = 0
        ) {
            self.model = model
            self.version = version
            self.path = path
            self.offset = offset
            self.length = length
        }
    }

    /// A part of a published file.
    package struct ReadFileResponse: WireMessage, Equatable {
        /// The bytes asked for, fewer at the end of the file.
        package var data: ByteBuffer

        package init(data: ByteBuffer = ByteBuffer()) {
            self.data = data
        }
    }
}

extension V1.ReadFileRequest: TreeMessage {
    static let schema = MessageSchema.readFileRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            version: fields.uint64(2),
            path: ExactString(fields.string(3)),
            offset: fields.uint64(4),
            length: fields.uint32(5)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.uint64(2, version)
        writer.string(3, path.text)
        writer.uint64(4, offset)
        writer.uint32(5, length)
    }
}

extension V1.ReadFileResponse: ScannedMessage {
    static let schema = MessageSchema.readFileResponse

    init() {
        self.init(data: ByteBuffer())
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 15: data = try fields.slice()
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.bytes(15, lending: data)
    }
}
