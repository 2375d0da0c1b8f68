package import NIOCore
package import Text

extension V1 {
    /// Asks a model for an answer.
    package struct PredictRequest: WireMessage, Equatable {
        /// Which model and version answers.
        package var model: ModelSpec?
        /// 1 to 128 printable ASCII characters, chosen by the caller and echoed; empty: the server
        /// makes one.
        package var requestID: String
        /// The outputs wanted; empty: all outputs, in the model's order.
        package var outputNames: [ExactString]
        /// The same key goes the same way where an alias splits.
        package var routingKey: String
        /// Higher first; 0 is ordinary.
        package var priority: Int32
        /// Settings for the engine; unknown names are an error.
        package var parameters: [ExactString: ExactString]
        /// The model's inputs, in any order.
        package var inputs: [Tensor]

        package init(
            model: ModelSpec? = nil,
            requestID: String = "",
            outputNames: [ExactString] = [],
            routingKey: String = "",
            priority: Int32 = 0,
            parameters: [ExactString: ExactString] = [:],
            inputs: [Tensor] = []
        ) {
            self.model = model
            self.requestID = requestID
            self.outputNames = outputNames
            self.routingKey = routingKey
            self.priority = priority
            self.parameters = parameters
            self.inputs = inputs
        }
    }
}

extension V1.PredictRequest: ScannedMessage {
    static let schema = MessageSchema.predictRequest

    init() {
        self.init(model: nil)
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 1: model = try fields.message(V1.ModelSpec.self)
            case 2: requestID = try fields.string()
            case 3: outputNames.append(ExactString(try fields.string()))
            case 4: routingKey = try fields.string()
            case 5: priority = try fields.int32()
            case 6: try fields.insert(into: &parameters)
            case 15: inputs.append(try fields.message(V1.Tensor.self))
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        writeHead(to: &writer)
        writer.messages(15, inputs)
    }

    private func writeHead(to writer: inout ProtoWriter) {
        writer.message(1, model)
        writer.string(2, requestID)
        for name in outputNames { writer.stringEvenIfEmpty(3, name.text) }
        writer.string(4, routingKey)
        writer.int32(5, priority)
        writer.map(6, parameters)
    }
}

extension V1.PredictRequest {
    /// Appends this request with inputs that are written from where they lie, in place of
    /// ``inputs``, which have to be empty.
    package func encode(
        lending inputs: [V1.LentTensor],
        into buffer: inout ByteBuffer
    ) {
        precondition(self.inputs.isEmpty, "a request has either its own inputs or lent ones")
        buffer.append { writer in
            writeHead(to: &writer)
            writer.messages(15, inputs)
        }
    }
}
