extension V1 {
    /// Asks for a model's versions.
    package struct ListVersionsRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// What the page before answered; empty: the first page.
        package var pageToken: String
        /// Most entries wanted; 0: as many as the server gives.
        package var pageSize: UInt32

        package init(model: String = "", pageToken: String = "", pageSize: UInt32 = 0) {
            self.model = model
            self.pageToken = pageToken
            self.pageSize = pageSize
        }
    }

    /// A page of versions.
    package struct ListVersionsResponse: WireMessage, Equatable {
        /// Newest first.
        package var versions: [Version]
        /// Asks for the next page; empty: this was the last.
        package var nextPageToken: String

        package init(versions: [Version] = [], nextPageToken: String = "") {
            self.versions = versions
            self.nextPageToken = nextPageToken
        }
    }
}

extension V1.ListVersionsRequest: TreeMessage {
    static let schema = MessageSchema.listVersionsRequest

    init(_ fields: borrowing MessageView) {
        self.init(model: fields.string(1), pageToken: fields.string(2), pageSize: fields.uint32(3))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.string(2, pageToken)
        writer.uint32(3, pageSize)
    }
}

extension V1.ListVersionsResponse: TreeMessage {
    static let schema = MessageSchema.listVersionsResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            versions: fields.messages(1, as: V1.Version.self),
            nextPageToken: fields.string(2)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.messages(1, versions)
        writer.string(2, nextPageToken)
    }
}
