package import NIOCore

extension V1 {
    /// One chunk of a file. Chunks of a file come in order, at multiples of the chunk size; one
    /// already held is acknowledged and dropped.
    package struct UploadChunkRequest: WireMessage, Equatable {
        /// What BeginPublish answered.
        package var uploadID: String
        /// Which file: an index into ``BeginPublishRequest/files``.
        package var fileIndex: UInt32
        /// Where in the file, in bytes.
        package var offset: UInt64
        /// ``CRC32C`` of the data.
        package var crc32c: UInt32
        /// The chunk: a slice of the frame that it came in.
        package var data: ByteBuffer

        package init(
            uploadID: String = "",
            fileIndex: UInt32 = 0,
            offset: UInt64 = 0,
            crc32c: UInt32 = 0,
            data: ByteBuffer = ByteBuffer()
        ) {
            self.uploadID = uploadID
            self.fileIndex = fileIndex
            self.offset = offset
            self.crc32c = crc32c
            self.data = data
        }
    }

    /// How far the file has come.
    package struct UploadChunkResponse: WireMessage, Equatable {
        /// First byte of this file not yet held.
        package var nextOffset: UInt64

        package init(nextOffset: UInt64 = 0) {
            self.nextOffset = nextOffset
        }
    }
}

extension V1.UploadChunkRequest: ScannedMessage {
    static let schema = MessageSchema.uploadChunkRequest

    init() {
        self.init(uploadID: "")
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 1: uploadID = try fields.string()
            case 2: fileIndex = try fields.uint32()
            case 3: offset = try fields.uint64()
            case 4: crc32c = try fields.uint32()
            case 15: data = try fields.slice()
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, uploadID)
        writer.uint32(2, fileIndex)
        writer.uint64(3, offset)
        writer.uint32(4, crc32c)
        writer.bytes(15, lending: data)
    }
}

extension V1.UploadChunkResponse: TreeMessage {
    static let schema = MessageSchema.uploadChunkResponse

    init(_ fields: borrowing MessageView) {
        self.init(nextOffset: fields.uint64(1))
    }

    func write(to writer: inout ProtoWriter) {
        writer.uint64(1, nextOffset)
    }
}
