internal import Text

/// Facts about a model that its file states and that are needed before the runtime reads it, or
/// that the runtime does not report.
struct ModelFacts {
    /// The graph's inputs that are tensors without a shape. The runtime describes them as scalars.
    var inputsWithoutShape: Set<ExactString> = []
    /// The graph's outputs that are tensors without a shape.
    var outputsWithoutShape: Set<ExactString> = []
    /// The ZipMap nodes of the graph: the name of a node by the name of its output.
    var zipMaps: [ExactString: String] = [:]
    /// Tensors whose data lies in other files.
    var tensors = ModelTensors()
}

/// A scan of a model's file for facts, and for tensors whose data lies in other files.
///
/// Such a tensor names a path, and the runtime would open it: a model could read any file of the
/// server, and a few spellings of the path even name memory. So each is found before the runtime
/// reads the model, and the runtime never sees a path: see ``ModelTensors``. Every place in which
/// ONNX allows a tensor is looked at: initializers, sparse ones, attributes of nodes at any depth
/// of subgraphs, functions, training graphs.
enum ModelScan {
    /// A message of the ONNX schema, as far as it can lead to a tensor.
    private enum Message: String {
        case model, mainGraph, graph, node, attribute, initializer, tensor, sparseTensor
        case function, training

        /// The message that a field of this one holds; nil if none leads to a tensor from there.
        func child(_ field: UInt32) -> Message? {
            switch (self, field) {
            case (.model, 7): .mainGraph
            case (.model, 20): .training
            case (.model, 25): .function
            case (.mainGraph, 5): .initializer
            case (.mainGraph, 1), (.graph, 1): .node
            case (.graph, 5): .tensor
            case (.mainGraph, 15), (.graph, 15): .sparseTensor
            case (.node, 5): .attribute
            case (.attribute, 5), (.attribute, 10): .tensor
            case (.attribute, 6), (.attribute, 11): .graph
            case (.attribute, 22), (.attribute, 23): .sparseTensor
            case (.sparseTensor, 1), (.sparseTensor, 2): .tensor
            case (.function, 7): .node
            case (.function, 11): .attribute
            case (.training, 1), (.training, 2): .graph
            default: nil
            }
        }
    }

    private static let graphField: UInt32 = 7

    /// Scans a file.
    ///
    /// - Throws: `invalidModel` if it is empty, too large or no such file, or if the place of a
    ///   tensor's data makes no sense; `unsupported` for more such tensors than are accepted, or a
    ///   type of elements that cannot lie in another file.
    static func facts(of bytes: RawSpan) throws(EngineError) -> ModelFacts {
        guard bytes.byteCount > 0 else {
            throw EngineError(.invalidModel, "the file is not an ONNX model: it is empty")
        }
        guard bytes.byteCount <= EngineLimits.maxModelBytes else {
            throw EngineError(
                .invalidModel,
                "the model has \(bytes.byteCount) bytes, at most \(EngineLimits.maxModelBytes) "
                    + "are taken"
            )
        }
        var found = FoundTensors()
        try scan(.model, bytes.byteOffsets, in: bytes, depth: 1, &found)
        var facts = ModelFacts()
        var graphs: [Range<Int>] = []
        try ProtobufFields.forEachContent(in: bytes.byteOffsets, of: bytes) { field, graph in
            if field == graphField { graphs.append(graph) }
        }
        guard !graphs.isEmpty else {
            throw EngineError(.invalidModel, "the file is not an ONNX model: it has no graph")
        }
        for graph in graphs { try facts.read(graph, in: bytes) }
        let used = try InitializerUse.used(
            among: found.initializerNames,
            by: graphs,
            in: bytes
        )
        facts.tensors = found.sorted(used: used)
        return facts
    }

    private static func scan(
        _ message: Message,
        _ range: Range<Int>,
        in bytes: RawSpan,
        depth: Int,
        _ found: inout FoundTensors
    ) throws(EngineError) {
        guard depth <= EngineLimits.maxModelDepth else {
            throw EngineError(
                .invalidModel,
                "the model's graphs are nested deeper than \(EngineLimits.maxModelDepth) messages"
            )
        }
        switch message {
        case .tensor: return try found.add(inner: TensorFields(range, in: bytes))
        case .initializer: return try found.add(initializer: TensorFields(range, in: bytes))
        default: break
        }
        try ProtobufFields.forEachContent(in: range, of: bytes) {
            field,
            content throws(EngineError) in
            guard let child = message.child(field) else { return }
            try scan(child, content, in: bytes, depth: depth + 1, &found)
        }
    }
}

extension ModelFacts {
    /// GraphProto: 1 node, 11 input, 12 output.
    fileprivate mutating func read(_ graph: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        try ProtobufFields.forEachContent(in: graph, of: bytes) {
            field,
            content throws(EngineError) in
            switch field {
            case 1: try readZipMap(content, in: bytes)
            case 11:
                guard let name = try Self.nameOfShapeless(content, in: bytes) else { return }
                inputsWithoutShape.insert(name)
            case 12:
                guard let name = try Self.nameOfShapeless(content, in: bytes) else { return }
                outputsWithoutShape.insert(name)
            default: break
            }
        }
    }

    /// Notes the node if it is a ZipMap. NodeProto: 2 output, 3 name, 4 operator.
    private mutating func readZipMap(
        _ node: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) {
        var isZipMap = false
        var (name, output) = ("", "")
        try ProtobufFields.forEachContent(in: node, of: bytes) { field, content in
            switch field {
            case 2: output = bytes.repairedText(content)
            case 3: name = bytes.repairedText(content)
            case 4: isZipMap = bytes.repairedText(content) == "ZipMap"
            default: break
            }
        }
        // More outputs than a model may have are refused anyway.
        guard isZipMap, zipMaps.count < EngineLimits.maxTensors else { return }
        zipMaps[ExactString(output)] = name
    }

    /// The name of a graph's input or output if it is a tensor without a shape.
    private static func nameOfShapeless(
        _ value: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> ExactString? {
        var name = ""
        var (isTensor, hasShape) = (false, false)
        try ProtobufFields.forEachContent(in: value, of: bytes) {
            field,
            content throws(EngineError) in
            // ValueInfoProto: 1 name, 2 type. TypeProto: 1 tensor. TypeProto.Tensor: 2 shape.
            if field == 1 { name = bytes.repairedText(content) }
            guard field == 2 else { return }
            try ProtobufFields.forEachContent(in: content, of: bytes) {
                field,
                tensor throws(EngineError) in
                guard field == 1 else { return }
                isTensor = true
                try ProtobufFields.forEachContent(in: tensor, of: bytes) { field, _ in
                    hasShape = hasShape || field == 2
                }
            }
        }
        return isTensor && !hasShape ? ExactString(name) : nil
    }
}
