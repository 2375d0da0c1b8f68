package import Text

extension V1 {
    /// Asks what a model takes and gives.
    package struct GetModelRequest: WireMessage, Equatable {
        /// Which model and version.
        package var model: ModelSpec?

        package init(model: ModelSpec? = nil) {
            self.model = model
        }
    }

    /// A model's signature.
    package struct GetModelResponse: WireMessage, Equatable {
        /// The model's name.
        package var name: String
        /// The version's number.
        package var version: UInt64
        /// The engine that runs it.
        package var engine: String
        /// The inputs, in the model's order.
        package var inputs: [TensorSpec]
        /// The outputs, in the model's order.
        package var outputs: [TensorSpec]
        /// Of the version.
        package var metadata: [ExactString: ExactString]
        /// Sizes of messages that the server accepts and sends.
        package var limits: Limits?

        package init(
            name: String = "",
            version: UInt64 = 0,
            engine: String = "",
            inputs: [TensorSpec] = [],
            outputs: [TensorSpec] = [],
            metadata: [ExactString: ExactString] = [:],
            limits: Limits? = nil
        ) {
            self.name = name
            self.version = version
            self.engine = engine
            self.inputs = inputs
            self.outputs = outputs
            self.metadata = metadata
            self.limits = limits
        }
    }

    /// Sizes of messages that a server accepts and sends, in bytes.
    package struct Limits: WireMessage, Equatable {
        /// The largest encoded PredictRequest that the server accepts.
        package var requestBytes: UInt64
        /// The largest encoded PredictResponse that the server sends to this caller.
        package var replyBytes: UInt64

        package init(requestBytes: UInt64 = 0, replyBytes: UInt64 = 0) {
            self.requestBytes = requestBytes
            self.replyBytes = replyBytes
        }
    }

    /// What a model takes or gives: name, type and shape of one tensor.
    package struct TensorSpec: WireMessage, Equatable {
        /// The tensor's name.
        package var name: ExactString
        /// The type of the elements.
        package var dataType: DataType
        /// -1: any size.
        package var shape: [Int64]
        /// Whether the model declares no shape.
        package var unknownRank: Bool
        /// Whether the model has a default for this input.
        package var optional: Bool

        package init(
            name: ExactString = "",
            dataType: DataType = .unspecified,
            shape: [Int64] = [],
            unknownRank: Bool = false,
            optional: Bool = false
        ) {
            self.name = name
            self.dataType = dataType
            self.shape = shape
            self.unknownRank = unknownRank
            self.optional = optional
        }
    }
}

extension V1.GetModelRequest: TreeMessage {
    static let schema = MessageSchema.getModelRequest

    init(_ fields: borrowing MessageView) {
        self.init(model: fields.message(1, as: V1.ModelSpec.self))
    }

    func write(to writer: inout ProtoWriter) {
        writer.message(1, model)
    }
}

extension V1.GetModelResponse: TreeMessage {
    static let schema = MessageSchema.getModelResponse

    init(_ fields: borrowing MessageView) {
        self.init(
            name: fields.string(1),
            version: fields.uint64(2),
            engine: fields.string(3),
            inputs: fields.messages(4, as: V1.TensorSpec.self),
            outputs: fields.messages(5, as: V1.TensorSpec.self),
            metadata: fields.map(6),
            limits: fields.message(7, as: V1.Limits.self)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, name)
        writer.uint64(2, version)
        writer.string(3, engine)
        writer.messages(4, inputs)
        writer.messages(5, outputs)
        writer.map(6, metadata)
        writer.message(7, limits)
    }
}

extension V1.Limits: TreeMessage {
    static let schema = MessageSchema.limits

    init(_ fields: borrowing MessageView) {
        self.init(requestBytes: fields.uint64(1), replyBytes: fields.uint64(2))
    }

    func write(to writer: inout ProtoWriter) {
        writer.uint64(1, requestBytes)
        writer.uint64(2, replyBytes)
    }
}

extension V1.TensorSpec: TreeMessage {
    static let schema = MessageSchema.tensorSpec

    init(_ fields: borrowing MessageView) {
        self.init(
            name: ExactString(fields.string(1)),
            dataType: V1.DataType(rawValue: fields.enumeration(2)),
            shape: fields.int64s(3),
            unknownRank: fields.bool(4),
            optional: fields.bool(5)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, name.text)
        writer.int32(2, dataType.rawValue)
        writer.packed(3, shape)
        writer.bool(4, unknownRank)
        writer.bool(5, optional)
    }
}
