package import Text

extension V1 {
    /// One version of a model, as the registry and the servers know it.
    package struct Version: WireMessage, Equatable {
        /// The model's name.
        package var model: String
        /// 1, 2, 3 ... for each model, never reused.
        package var version: UInt64
        /// When it was committed, in milliseconds since 1970.
        package var createdUnixMs: Int64
        /// The principal that committed it.
        package var createdBy: String
        /// Plaintext size of all files.
        package var bytes: UInt64
        /// Of the signed version record, 32 bytes.
        package var recordSha256: [UInt8]
        /// The aliases that point here now.
        package var aliases: [String]
        /// What the registry holds of it.
        package var state: State
        /// Why it was rejected.
        package var reason: String
        /// Free text of the publisher's.
        package var metadata: [ExactString: ExactString]
        /// Where it is loaded, or failed to.
        package var replicas: [Replica]

        package init(
            model: String = "",
            version: UInt64 = 0,
            createdUnixMs: Int64 = 0,
            createdBy: String = "",
            bytes: UInt64 = 0,
            recordSha256: [UInt8] = [],
            aliases: [String] = [],
            state: State = .unspecified,
            reason: String = "",
            metadata: [ExactString: ExactString] = [:],
            replicas: [Replica] = []
        ) {
            self.model = model
            self.version = version
            self.createdUnixMs = createdUnixMs
            self.createdBy = createdBy
            self.bytes = bytes
            self.recordSha256 = recordSha256
            self.aliases = aliases
            self.state = state
            self.reason = reason
            self.metadata = metadata
            self.replicas = replicas
        }

        /// What the registry holds; the same for every server.
        ///
        /// Open: a value that this version does not know keeps its number.
        package struct State: RawRepresentable, Sendable, Hashable {
            package let rawValue: Int32

            package init(rawValue: Int32) {
                self.rawValue = rawValue
            }

            package static let unspecified = State(rawValue: 0)
            package static let stored = State(rawValue: 1)
            /// Did not load, warm up or pass its golden requests: no alias can point here.
            package static let rejected = State(rawValue: 2)
            package static let deleted = State(rawValue: 3)
        }
    }
}

extension V1.Version: TreeMessage {
    static let schema = MessageSchema.version

    init(_ fields: borrowing MessageView) {
        self.init(
            model: fields.string(1),
            version: fields.uint64(2),
            createdUnixMs: fields.int64(3),
            createdBy: fields.string(4),
            bytes: fields.uint64(5),
            recordSha256: fields.bytes(6),
            aliases: fields.strings(7),
            state: State(rawValue: fields.enumeration(8)),
            reason: fields.string(9),
            metadata: fields.map(10),
            replicas: fields.messages(11, as: V1.Replica.self)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, model)
        writer.uint64(2, version)
        writer.int64(3, createdUnixMs)
        writer.string(4, createdBy)
        writer.uint64(5, bytes)
        writer.bytes(6, recordSha256)
        writer.strings(7, aliases)
        writer.int32(8, state.rawValue)
        writer.string(9, reason)
        writer.map(10, metadata)
        writer.messages(11, replicas)
    }
}
