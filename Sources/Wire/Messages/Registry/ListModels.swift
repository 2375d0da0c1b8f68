extension V1 {
    /// Asks for the models that the caller has a grant on.
    package struct ListModelsRequest: WireMessage, Equatable {
        /// What the page before answered; empty: the first page.
        package var pageToken: String
        /// Most entries wanted; 0: as many as the server gives.
        package var pageSize: UInt32

        package init(pageToken: String = "", pageSize: UInt32 = 0) {
            self.pageToken = pageToken
            self.pageSize = pageSize
        }
    }

    /// A page of models.
    package struct ListModelsResponse: WireMessage, Equatable {
        /// The models, by name.
        package var models: [Model]
        /// Asks for the next page; empty: this was the last.
        package var nextPageToken: String

        package init(models: [Model] = [], nextPageToken: String = "") {
            self.models = models
            self.nextPageToken = nextPageToken
        }
    }

    /// A model and its aliases.
    package struct Model: WireMessage, Equatable {
        /// The model's name.
        package var name: String
        /// The newest version's number; 0: none.
        package var latestVersion: UInt64
        /// The aliases.
        package var aliases: [Alias]

        package init(name: String = "", latestVersion: UInt64 = 0, aliases: [Alias] = []) {
            self.name = name
            self.latestVersion = latestVersion
            self.aliases = aliases
        }
    }
}

extension V1.ListModelsRequest: TreeMessage {
    static let schema = MessageSchema.listModelsRequest

    init(_ fields: borrowing MessageView) {
        self.init(pageToken: fields.string(1), pageSize: fields.uint32(2))
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, pageToken)
        writer.uint32(2, pageSize)
    }
}

extension V1.ListModelsResponse: TreeMessage {
    static let schema = MessageSchema.listModelsResponse

    init(_ fields: borrowing MessageView) {
        self.init(models: fields.messages(1, as: V1.Model.self), nextPageToken: fields.string(2))
    }

    func write(to writer: inout ProtoWriter) {
        writer.messages(1, models)
        writer.string(2, nextPageToken)
    }
}

extension V1.Model: TreeMessage {
    static let schema = MessageSchema.model

    init(_ fields: borrowing MessageView) {
        self.init(
            name: fields.string(1),
            latestVersion: fields.uint64(2),
            aliases: fields.messages(3, as: V1.Alias.self)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, name)
        writer.uint64(2, latestVersion)
        writer.messages(3, aliases)
    }
}
