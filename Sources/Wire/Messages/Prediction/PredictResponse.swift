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

    private func writeHead(to writer: inout ProtoWriter) {
        writer.string(1, modelName)
        writer.uint64(2, modelVersion)
        writer.string(3, requestID)
        writer.message(4, timing)
        writer.message(5, usage)
    }
}

extension V1.PredictResponse {
    /// Appends this response with outputs that are written from where they lie, in place of
    /// ``outputs``, which have to be empty.
    package func encode<Bytes: LentBytes>(
        lending outputs: [V1.LentTensor<Bytes>],
        into buffer: inout ByteBuffer
    ) {
        precondition(self.outputs.isEmpty, "a response has either its own outputs or lent ones")
        buffer.append { writer in
            writeHead(to: &writer)
            writer.messages(15, outputs)
        }
    }
}
