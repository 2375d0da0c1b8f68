extension V1 {
    /// Asks for a page of the audit log.
    package struct ListAuditEventsRequest: WireMessage, Equatable {
        /// The model's name; empty: all models.
        package var model: String
        /// Events after that one; 0: from the first. Callers without a grant on all models must
        /// leave it 0.
        package var afterSequence: UInt64
        /// Most entries wanted; 0: as many as the server gives.
        package var pageSize: UInt32
        /// The token of the page before; empty: the first page.
        package var pageToken: String

        package init(
            model: String = "",
            afterSequence: UInt64 = 0,
            pageSize: UInt32 = 0,
            pageToken: String = ""
        ) {
            self.model = model
            self.afterSequence = afterSequence
            self.pageSize = pageSize
            self.pageToken = pageToken
        }
    }

    /// A page of the audit log.
    package struct ListAuditEventsResponse: WireMessage, Equatable {
        /// The events, oldest first.
        package var events: [AuditEvent]
        /// Asks for the next page; empty: this was the last.
        package var nextPageToken: String

        package init(events: [AuditEvent] = [], nextPageToken: String = "") {
            self.events = events
            self.nextPageToken = nextPageToken
        }
    }

    /// One entry of the audit log.
    package struct AuditEvent: WireMessage, Equatable {
        /// Its number in the log, from 1; 0 for callers without a grant on all models.
        package var sequence: UInt64
        /// When, in milliseconds since 1970.
        package var unixMs: Int64
        /// Who asked.
        package var principal: String
        /// What was done, for instance `publish`, `alias.set`, `rollback`.
        package var action: String
        /// The model's name; empty: none.
        package var model: String
        /// The version's number; 0: none.
        package var version: UInt64
        /// What exactly, as text.
        package var detail: String
        /// The hash of the event before; empty for callers without a grant on all models.
        package var previousHash: [UInt8]
        /// The hash of this event, with the hash before; empty as that one.
        package var hash: [UInt8]

        package init(
            sequence: UInt64 = 0,
            unixMs: Int64 = 0,
            principal: String = "",
            action: String = "",
            model: String = "",
            version: UInt64 = 0,
            detail: String = "",
            previousHash: [UInt8] = [],
            hash: [UInt8] = []
        ) {
            self.sequence = sequence
            self.unixMs = unixMs
            self.principal = principal
            self.action = action
            self.model = model
            self.version = version
            self.detail = detail
            self.previousHash = previousHash
            self.hash = hash
        }
    }
}

extension V1.ListAuditEventsRequest: TreeMessage {
    static let schema = MessageSchema.listAuditEventsRequest

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            afterSequence: fields.uint64(2),
            pageSize: fields.uint32(3),
            pageToken: fields.string(4)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.uint64(2, afterSequence)
        writer.uint32(3, pageSize)
        writer.string(4, pageToken)
    }
}

extension V1.ListAuditEventsResponse: TreeMessage {
    static let schema = MessageSchema.listAuditEventsResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            events: fields.messages(1, as: V1.AuditEvent.self),
            nextPageToken: fields.string(2)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.messages(1, events)
        writer.string(2, nextPageToken)
    }
}

extension V1.AuditEvent: TreeMessage {
    static let schema = MessageSchema.auditEvent

    init(_ fields: borrowing MessageView) {
        self.init(
            sequence: fields.uint64(1),
            unixMs: fields.int64(2),
            principal: fields.string(3),
            action: fields.string(4),
            model: fields.string(5),
            version: fields.uint64(6),
            detail: fields.string(7),
            previousHash: fields.bytes(8),
            hash: fields.bytes(9)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.uint64(1, sequence)
        writer.int64(2, unixMs)
        writer.string(3, principal)
        writer.string(4, action)
        writer.string(5, model)
        writer.uint64(6, version)
        writer.string(7, detail)
        writer.bytes(8, previousHash)
        writer.bytes(9, hash)
    }
}
