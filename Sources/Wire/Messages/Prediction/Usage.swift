extension V1 {
    /// What the request used: what metering counts.
    package struct Usage: WireMessage, Equatable {
        /// Rows of input.
        package var rows: UInt64
        /// Tokens read; 0 for models without.
        package var inputTokens: UInt64
        /// Tokens made; 0 for models without.
        package var outputTokens: UInt64
        /// This request's share of its batch, in nanoseconds.
        package var computeNs: UInt64

        package init(
            rows: UInt64 = 0,
            inputTokens: UInt64 = 0,
            outputTokens: UInt64 = 0,
            computeNs: UInt64 = 0
        ) {
            self.rows = rows
            self.inputTokens = inputTokens
            self.outputTokens = outputTokens
            self.computeNs = computeNs
        }
    }
}

extension V1.Usage: ScannedMessage {
    static let schema = MessageSchema.usage

    init() {
        self.init(rows: 0)
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 1: rows = try fields.uint64()
            case 2: inputTokens = try fields.uint64()
            case 3: outputTokens = try fields.uint64()
            case 4: computeNs = try fields.uint64()
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.uint64(1, rows)
        writer.uint64(2, inputTokens)
        writer.uint64(3, outputTokens)
        writer.uint64(4, computeNs)
    }
}
