extension V1 {
    /// Asks for an alias's moves.
    package struct ListAliasHistoryRequest: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// The alias's name.
        package var alias: String
        /// Moves before that one; 0: from the newest.
        package var beforeGeneration: UInt64
        /// Most entries wanted; 0: as many as the server gives.
        package var pageSize: UInt32

        package init(
            model: String = "",
            alias: String = "",
            beforeGeneration: UInt64 = 0,
            pageSize: UInt32 = 0
        ) {
            self.model = model
            self.alias = alias
            self.beforeGeneration = beforeGeneration
            self.pageSize = pageSize
        }
    }

    /// A page of moves.
    package struct ListAliasHistoryResponse: WireMessage, Equatable {
        /// Newest first.
        package var moves: [AliasMove]

        package init(moves: [AliasMove] = []) {
            self.moves = moves
        }
    }

    /// One move of an alias that was asked for.
    package struct AliasMove: WireMessage, Equatable {
        /// The move's number.
        package var generation: UInt64
        /// What it pointed to before; 0: nothing.
        package var fromVersion: UInt64
        /// What it was to point to.
        package var toVersion: UInt64
        /// Who asked.
        package var principal: String
        /// As given with the request.
        package var reason: String
        /// When it was asked for, in milliseconds since 1970.
        package var askedUnixMs: Int64
        /// When it came to serve, in milliseconds since 1970; 0: it never did.
        package var servedUnixMs: Int64
        /// `served`, `pending`, `superseded` or `rejected`.
        package var outcome: String

        package init(
            generation: UInt64 = 0,
            fromVersion: UInt64 = 0,
            toVersion: UInt64 = 0,
            principal: String = "",
            reason: String = "",
            askedUnixMs: Int64 = 0,
            servedUnixMs: Int64 = 0,
            outcome: String = ""
        ) {
            self.generation = generation
            self.fromVersion = fromVersion
            self.toVersion = toVersion
            self.principal = principal
            self.reason = reason
            self.askedUnixMs = askedUnixMs
            self.servedUnixMs = servedUnixMs
            self.outcome = outcome
        }
    }
}

extension V1.ListAliasHistoryRequest: TreeMessage {
    static let schema = MessageSchema.listAliasHistoryRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            alias: fields.string(2),
            beforeGeneration: fields.uint64(3),
            pageSize: fields.uint32(4)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.string(2, alias)
        writer.uint64(3, beforeGeneration)
        writer.uint32(4, pageSize)
    }
}

extension V1.ListAliasHistoryResponse: TreeMessage {
    static let schema = MessageSchema.listAliasHistoryResponse

    init(_ fields: borrowing MessageView) {
        self.init(moves: fields.messages(1, as: V1.AliasMove.self))
    }

    func write(to writer: inout ProtoWriter) {
        writer.messages(1, moves)
    }
}

extension V1.AliasMove: TreeMessage {
    static let schema = MessageSchema.aliasMove

    init(_ fields: borrowing MessageView) {
        self.init(
            generation: fields.uint64(1),
            fromVersion: fields.uint64(2),
            toVersion: fields.uint64(3),
            principal: fields.string(4),
            reason: fields.string(5),
            askedUnixMs: fields.int64(6),
            servedUnixMs: fields.int64(7),
            outcome: fields.string(8)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.uint64(1, generation)
        writer.uint64(2, fromVersion)
        writer.uint64(3, toVersion)
        writer.string(4, principal)
        writer.string(5, reason)
        writer.int64(6, askedUnixMs)
        writer.int64(7, servedUnixMs)
        writer.string(8, outcome)
    }
}
