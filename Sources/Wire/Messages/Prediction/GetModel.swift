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
        package var metadata: [String: String]

        package init(
            name: String = "",
            version: UInt64 = 0,
            engine: String = "",
            inputs: [TensorSpec] = [],
            outputs: [TensorSpec] = [],
            metadata: [String: String] = [:]
        ) {
            self.name = name
            self.version = version
            self.engine = engine
            self.inputs = inputs
            self.outputs = outputs
            self.metadata = metadata
        }
    }

    /// What a model takes or gives: name, type and shape of one tensor.
    package struct TensorSpec: WireMessage, Equatable {
        /// The tensor's name.
        package var name: String
        /// The type of the elements.
        package var dataType: DataType
        /// -1: any size.
        package var shape: [Int64]

        package init(name: String = "", dataType: DataType = .unspecified, shape: [Int64] = []) {
            self.name = name
            self.dataType = dataType
            self.shape = shape
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
            metadata: fields.map(6)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, name)
        writer.uint64(2, version)
        writer.string(3, engine)
        writer.messages(4, inputs)
        writer.messages(5, outputs)
        writer.map(6, metadata)
    }
}

extension V1.TensorSpec: TreeMessage {
    static let schema = MessageSchema.tensorSpec

    init(_ fields: borrowing MessageView) {
        self.init(
            name: fields.string(1),
            dataType: V1.DataType(rawValue: fields.enumeration(2)),
            shape: fields.int64s(3)
        )
    }

    func write(to writer: inout ProtoWriter) {
        writer.string(1, name)
        writer.int32(2, dataType.rawValue)
        writer.packed(3, shape)
    }
}
