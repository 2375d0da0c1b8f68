package import NIOCore

extension V1 {
    /// A model's answer.
    package struct PredictResponse: WireMessage, Equatable {
        /// The model's name.
        package var modelName: String
        /// The version that really answered.
        package var modelVersion: UInt64
        /// The request's own, or the one that the server made.
        package var requestID: String
        /// Where the time went.
        package var timing: Timing?
        /// What it used.
        package var usage: Usage?
        /// The outputs wanted, in the order asked for, or else the model's.
        package var outputs: [Tensor]

        package init(
            modelName: String = "",
            modelVersion: UInt64 = 0,
            requestID: String = "",
            timing: Timing? = nil,
            usage: Usage? = nil,
            outputs: [Tensor] = []
        ) {
            self.modelName = modelName
            self.modelVersion = modelVersion
            self.requestID = requestID
            self.timing = timing
            self.usage = usage
            self.outputs = outputs
        }
    }
}

extension V1.PredictResponse: ScannedMessage {
    static let schema = MessageSchema.predictResponse

    init() {
        self.init(modelName: "")
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 1: modelName = try fields.string()
            case 2: modelVersion = try fields.uint64()
            case 3: requestID = try fields.string()
            case 4: timing = try fields.message(V1.Timing.self)
            case 5: usage = try fields.message(V1.Usage.self)
            case 15: outputs.append(try fields.message(V1.Tensor.self))
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        writeHead(to: &writer)
        writer.messages(15, outputs)
    }

    fileprivate func writeHead(to writer: inout ProtoWriter) {
        writer.string(1, modelName)
        writer.uint64(2, modelVersion)
        writer.string(3, requestID)
        writer.message(4, timing)
        writer.message(5, usage)
    }
}

extension V1 {
    /// A ``PredictResponse`` for sending, whose outputs are written from where they lie.
    package struct LentPredictResponse: OutgoingMessage {
        private let head: PredictResponse
        private let outputs: [LentTensor]
        package let byteCount: Int

        /// - Parameters:
        ///   - head: all but the outputs, of which it has none.
        ///   - outputs: the outputs.
        package init(_ head: PredictResponse, lending outputs: [LentTensor]) {
            precondition(head.outputs.isEmpty, "a response has either its own outputs or lent ones")
            self.head = head
            self.outputs = outputs
            byteCount = ProtoWriter.byteCount { writer in
                head.writeHead(to: &writer)
                writer.messages(15, outputs)
            }
        }

        package func append(to buffer: inout ByteBuffer) {
            ProtoWriter.append(byteCount, to: &buffer) { writer in
                head.writeHead(to: &writer)
                writer.messages(15, outputs)
            }
        }
    }
}
