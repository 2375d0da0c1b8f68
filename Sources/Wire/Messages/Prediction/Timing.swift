extension V1 {
    /// Where the request's time went inside the server.
    package struct Timing: WireMessage, Equatable {
        /// Waiting for a batch, in nanoseconds.
        package var queueNs: UInt64
        /// In the engine, in nanoseconds.
        package var computeNs: UInt64
        /// Rows in the batch that this request ran in.
        package var batchRows: UInt32
        /// From the request's last byte decrypted to its reply encoded, in nanoseconds.
        package var totalNs: UInt64
        /// Waiting for the model to be loaded, in nanoseconds.
        package var loadNs: UInt64

        package init(
            queueNs: UInt64 = 0,
            computeNs: UInt64 = 0,
            batchRows: UInt32 = 0,
            totalNs: UInt64 = 0,
            loadNs: UInt64 = 0
        ) {
            self.queueNs = queueNs
            self.computeNs = computeNs
            self.batchRows = batchRows
            self.totalNs = totalNs
            self.loadNs = loadNs
        }
    }
}

extension V1.Timing: ScannedMessage {
    static let schema = MessageSchema.timing

    init() {
        self.init(queueNs: 0)
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 1: queueNs = try fields.uint64()
            case 2: computeNs = try fields.uint64()
            case 3: batchRows = try fields.uint32()
            case 4: totalNs = try fields.uint64()
            case 5: loadNs = try fields.uint64()
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        writer.uint64(1, queueNs)
        writer.uint64(2, computeNs)
        writer.uint32(3, batchRows)
        writer.uint64(4, totalNs)
        writer.uint64(5, loadNs)
    }
}
