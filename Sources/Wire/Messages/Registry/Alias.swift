extension V1 {
    /// A pointer with a wish. A move commits target_version and a new generation first; the version
    /// that answers changes once the target is ready; a later move supersedes a pending one, which
    /// ends ABORTED.
    package struct Alias: WireMessage, Equatable {
        /// The alias's name.
        package var name: String
        /// Answers now; 0: none yet.
        package var version: UInt64
        /// Grows by one at each accepted move: what compare-and-set compares.
        package var generation: UInt64
        /// Asked for; equals version when settled.
        package var targetVersion: UInt64
        /// Why the last move did not happen.
        package var failure: String
        /// When it last moved, in milliseconds since 1970.
        package var changedUnixMs: Int64
        /// The principal that asked for the last move.
        package var changedBy: String

        package init(
            name: String = "",
            version: UInt64 = 0,
            generation: UInt64 = 0,
            targetVersion: UInt64 = 0,
            failure: String = "",
            changedUnixMs: Int64 = 0,
            changedBy: String = ""
        ) {
            self.name = name
            self.version = version
            self.generation = generation
            self.targetVersion = targetVersion
            self.failure = failure
            self.changedUnixMs = changedUnixMs
            self.changedBy = changedBy
        }
    }
}

extension V1.Alias: TreeMessage {
    static let schema = MessageSchema.alias

    init(_ fields: borrowing MessageView) {
        self.init(
            name: fields.string(1),
            version: fields.uint64(2),
            generation: fields.uint64(3),
            targetVersion: fields.uint64(4),
            failure: fields.string(5),
            changedUnixMs: fields.int64(6),
            changedBy: fields.string(7)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, name)
        writer.uint64(2, version)
        writer.uint64(3, generation)
        writer.uint64(4, targetVersion)
        writer.string(5, failure)
        writer.int64(6, changedUnixMs)
        writer.string(7, changedBy)
    }
}
