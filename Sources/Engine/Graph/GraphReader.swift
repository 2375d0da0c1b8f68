internal import Text

/// Reads a model's file into a ``ModelGraph``.
///
/// Messages that appear in pieces are merged as protobuf parsers merge them: each `read` adds to
/// what is there. Nothing is read recursively, so the depth of the file does not matter.
struct GraphReader {
    /// The graph read so far.
    private(set) var graph = ModelGraph()

    /// Reads a `ModelProto`.
    ///
    /// - Throws: `invalidModel` if it is no protobuf message, `unsupported` if it has too many
    ///   nodes.
    static func graph(of bytes: RawSpan) throws(EngineError) -> ModelGraph {
        var reader = GraphReader()
        try reader.read(model: bytes.byteOffsets, in: bytes)
        try reader.graph.requireClarity()
        return reader.graph
    }

    private mutating func read(model: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var fields = ProtobufFields(model)
        while let field = try fields.next(in: bytes) {
            switch field {
            case .number(1, let value): graph.irVersion = Int64(bitPattern: value)
            case .content(7, let content): try read(graph: content, in: bytes)
            case .content(8, let content): try read(operatorSet: content, in: bytes)
            case .content(25, let content): try read(function: content, in: bytes)
            default: break
            }
        }
    }

    private mutating func read(graph content: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var fields = ProtobufFields(content)
        while let field = try fields.next(in: bytes) {
            guard case .content(let number, let content) = field else { continue }
            switch number {
            case 1:
                guard graph.nodes.count < GraphLimits.maxNodes else {
                    throw EngineError(.unsupported, "more than \(GraphLimits.maxNodes) nodes")
                }
                graph.nodes.append(try GraphNode(content, in: bytes))
            case 5: graph.initializers.append(try tensor(content, in: bytes))
            case 11: graph.inputs.append(try GraphValue(content, in: bytes))
            case 12: graph.outputs.append(try GraphValue(content, in: bytes))
            case 15: graph.initializers.append(try sparseTensor(content, in: bytes))
            default: break
            }
        }
    }

    private func tensor(
        _ content: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> GraphTensor {
        var tensor = GraphTensor()
        try tensor.read(content, in: bytes)
        return tensor
    }

    /// SparseTensorProto: 1 values (with the name), 3 dims. The elements are not kept.
    private func sparseTensor(
        _ content: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> GraphTensor {
        var values = GraphTensor()
        var shape: [Int64] = []
        var fields = ProtobufFields(content)
        while let field = try fields.next(in: bytes) {
            switch field {
            case .content(1, let content): try values.read(content, in: bytes)
            case .content(3, let content): try shape.append(packed: content, in: bytes)
            case .number(3, let value): shape.append(Int64(bitPattern: value))
            default: break
            }
        }
        values.shape = shape
        values.isOpaque = true
        return values
    }

    /// OperatorSetIdProto: 1 domain, 2 version.
    private mutating func read(
        operatorSet: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) {
        var (domain, version): (ExactString, Int64) = ("", 0)
        var fields = ProtobufFields(operatorSet)
        while let field = try fields.next(in: bytes) {
            switch field {
            case .content(1, let content): domain = try bytes.graphName(content)
            case .number(2, let value): version = Int64(bitPattern: value)
            default: break
            }
        }
        graph.operatorSets[OperatorName(domain, "").domain] = version
    }

    /// FunctionProto: 1 name, 10 domain.
    private mutating func read(function: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var (domain, name): (ExactString, ExactString) = ("", "")
        var fields = ProtobufFields(function)
        while let field = try fields.next(in: bytes) {
            guard case .content(let number, let content) = field else { continue }
            if number == 1 { name = try bytes.graphName(content) }
            if number == 10 { domain = try bytes.graphName(content) }
        }
        graph.functions.insert(OperatorName(domain, name))
    }
}

extension GraphNode {
    /// NodeProto: 1 input, 2 output, 3 name, 4 op_type, 5 attribute, 7 domain.
    fileprivate init(_ content: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        self.init()
        var fields = ProtobufFields(content)
        while let field = try fields.next(in: bytes) {
            guard case .content(let number, let content) = field else { continue }
            switch number {
            case 1: inputs.append(try bytes.graphName(content))
            case 2: outputs.append(try bytes.graphName(content))
            case 3: name = bytes.repairedText(content)
            case 4: type = try bytes.graphName(content)
            case 5:
                var attribute = NodeAttribute()
                let name = try attribute.read(content, in: bytes)
                repeatsAttribute = repeatsAttribute || attributes[name] != nil
                attributes[name] = attribute
            case 7: domain = OperatorName(try bytes.graphName(content), "").domain
            default: break
            }
        }
    }
}

extension GraphValue {
    /// ValueInfoProto: 1 name, 2 type. TypeProto: 1 tensor_type. TypeProto.Tensor: 1 elem_type,
    /// 2 shape. TensorShapeProto: 1 dim. Dimension: 1 dim_value.
    fileprivate init(_ content: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        self.init()
        var fields = ProtobufFields(content)
        while let field = try fields.next(in: bytes) {
            guard case .content(let number, let content) = field else { continue }
            if number == 1 { name = try bytes.graphName(content) }
            guard number == 2 else { continue }
            guard !hasType else { throw Self.typeInPieces }
            try read(type: content, in: bytes)
        }
    }

    private static let typeInPieces = EngineError(
        .unsupported,
        "an input or output whose type is stated more than once"
    )

    private mutating func read(type content: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var types = ProtobufFields(content)
        while let field = try types.next(in: bytes) {
            // Field 6 is a remark, each other one a kind of type.
            guard case .content(let number, let content) = field, number != 6 else { continue }
            guard !hasType else { throw Self.typeInPieces }
            hasType = true
            isTensor = number == 1
            guard isTensor else { continue }
            var fields = ProtobufFields(content)
            while let field = try fields.next(in: bytes) {
                switch field {
                case .number(1, let value): type = Int32(truncatingIfNeeded: value)
                case .content(2, let content): try read(shape: content, in: bytes)
                default: break
                }
            }
        }
    }

    private mutating func read(shape content: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var sizes = shape ?? []
        var dimensions = ProtobufFields(content)
        while let field = try dimensions.next(in: bytes) {
            guard case .content(1, let content) = field else { continue }
            guard sizes.count < GraphLimits.maxRank else { break }
            var size = Size.free
            var fields = ProtobufFields(content)
            while let field = try fields.next(in: bytes) {
                switch field {
                // ONNX Runtime takes a negative number for a free size.
                case .number(1, let value) where Int64(bitPattern: value) >= 0:
                    size = .number(Int64(bitPattern: value))
                case .number(1, _), .content(2, _): size = .free
                default: break
                }
            }
            sizes.append(size)
        }
        shape = sizes
    }
}
