extension V1 {
    /// One server's view of a version.
    package struct Replica: WireMessage, Equatable {
        /// The server's identifier.
        package var server: String
        /// How far loading has come.
        package var load: Load
        /// Why loading failed.
        package var reason: String
        /// When it came to that, in milliseconds since 1970.
        package var sinceUnixMs: Int64

        package init(
            server: String = "",
            load: Load = .unspecified,
            reason: String = "",
            sinceUnixMs: Int64 = 0
        ) {
            self.server = server
            self.load = load
            self.reason = reason
            self.sinceUnixMs = sinceUnixMs
        }

        /// How far a server has come with loading a version.
        ///
        /// Open: a value that this version does not know keeps its number.
        package struct Load: RawRepresentable, Sendable, Hashable {
            package let rawValue: Int32

            package init(rawValue: Int32) {
                self.rawValue = rawValue
            }

            package static let unspecified = Load(rawValue: 0)
            package static let loading = Load(rawValue: 1)
            package static let ready = Load(rawValue: 2)
            /// Replaced; finishing what it had begun.
            package static let draining = Load(rawValue: 3)
            package static let failed = Load(rawValue: 4)
        }
    }
}

extension V1.Replica: TreeMessage {
    static let schema = MessageSchema.replica

    init(_ fields: borrowing MessageView) {
        self.init(
            server: fields.string(1),
            load: Load(rawValue: fields.enumeration(2)),
            reason: fields.string(3),
            sinceUnixMs: fields.int64(4)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, server)
        writer.int32(2, load.rawValue)
        writer.string(3, reason)
        writer.int64(4, sinceUnixMs)
    }
}
