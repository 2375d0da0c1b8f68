extension V1 {
    /// Asks for one version and its files.
    package struct GetVersionRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The version's number.
        package var version: UInt64
        /// Of the files: what the page before answered; empty: the first page.
        package var pageToken: String
        /// Most entries wanted; 0: as many as the server gives.
        package var pageSize: UInt32

        package init(
            model: String = "",
            version: UInt64 = 0,
            pageToken: String = "",
            pageSize: UInt32 = 0
        ) {
            self.model = model
            self.version = version
            self.pageToken = pageToken
            self.pageSize = pageSize
        }
    }

    /// A version and a page of its files.
    package struct GetVersionResponse: WireMessage, Equatable {
        /// The version.
        package var version: Version?
        /// The files of the bundle.
        package var files: [File]
        /// The signed version record, as signed; on the first page only.
        package var record: [UInt8]
        /// Ed25519.
        package var recordSignature: [UInt8]
        /// Asks for the next page; empty: this was the last.
        package var nextPageToken: String

        package init(
            version: Version? = nil,
            files: [File] = [],
            record: [UInt8] = [],
            recordSignature: [UInt8] = [],
            nextPageToken: String = ""
        ) {
            self.version = version
            self.files = files
            self.record = record
            self.recordSignature = recordSignature
            self.nextPageToken = nextPageToken
        }
    }
}

extension V1.GetVersionRequest: TreeMessage {
    static let schema = MessageSchema.getVersionRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            version: fields.uint64(2),
            pageToken: fields.string(3),
            pageSize: fields.uint32(4)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.uint64(2, version)
        writer.string(3, pageToken)
        writer.uint32(4, pageSize)
    }
}

extension V1.GetVersionResponse: TreeMessage {
    static let schema = MessageSchema.getVersionResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            version: fields.message(1, as: V1.Version.self),
            files: fields.messages(2, as: V1.File.self),
            record: fields.bytes(3),
            recordSignature: fields.bytes(4),
            nextPageToken: fields.string(5)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, version)
        writer.messages(2, files)
        writer.bytes(3, record)
        writer.bytes(4, recordSignature)
        writer.string(5, nextPageToken)
    }
}
