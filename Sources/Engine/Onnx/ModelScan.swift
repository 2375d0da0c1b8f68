internal import Text

/// What a model's file says that has to be known before the runtime sees it, or that the runtime
/// does not tell.
struct ModelFacts {
    /// The graph's inputs that are tensors without a shape. The runtime describes them as scalars.
    var inputsWithoutShape: Set<ExactString> = []
    /// The initializers whose data is in other files, which are to be handed over.
    var external: [ExternalTensor] = []
    /// Whether the values of inputs, and not their sizes alone, may decide how long a run takes.
    var timeDependsOnValues = false
}

/// Looks through a model's file for tensors whose data is elsewhere.
///
/// Such a tensor names a path, and the runtime would open it: a model could read any file of the
/// server, and a few spellings of the path even name memory. A bundle is all that a version is.
/// So each is found before the runtime sees the model: initializers of the graph itself are taken
/// note of, and handed over from memory; any other is refused. Every place in which ONNX allows a
/// tensor is looked at: initializers, sparse ones, attributes of nodes at any depth of subgraphs,
/// functions, training graphs.
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

    /// Operators that repeat or choose what they do by a value.
    private static let operatorsByValue: Set<String> = [
        "Loop", "If", "BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch",
    ]
    private static let operatorTypeField: UInt32 = 4
    private static let graphField: UInt32 = 7
    private static let graphInputField: UInt32 = 11

    /// Scans a file.
    ///
    /// - Throws: `invalidModel` if it is empty, too large or no such file, or says of an
    ///   initializer's data what makes no sense; `unsupported` if another tensor's is elsewhere.
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
        let whole = bytes.byteOffsets
        var found = Found()
        try scan(.model, whole, in: bytes, depth: 1, &found)
        var facts = ModelFacts(
            external: try found.tensors(),
            timeDependsOnValues: found.timeDependsOnValues
        )
        var hasGraph = false
        try forEachContent(in: whole, of: bytes) { field, graph throws(EngineError) in
            guard field == graphField else { return }
            hasGraph = true
            try forEachContent(in: graph, of: bytes) { field, input throws(EngineError) in
                guard field == graphInputField,
                    let name = try nameOfShapeless(input, in: bytes)
                else { return }
                facts.inputsWithoutShape.insert(name)
            }
        }
        guard hasGraph else {
            throw EngineError(.invalidModel, "the file is not an ONNX model: it has no graph")
        }
        return facts
    }

    private static func scan(
        _ message: Message,
        _ range: Range<Int>,
        in bytes: RawSpan,
        depth: Int,
        _ found: inout Found
    ) throws(EngineError) {
        guard depth <= EngineLimits.maxModelDepth else {
            throw EngineError(
                .invalidModel,
                "the model's graphs are nested deeper than \(EngineLimits.maxModelDepth) messages"
            )
        }
        switch message {
        case .tensor: return try checkTensor(TensorFields(range, in: bytes))
        case .initializer: return try found.add(TensorFields(range, in: bytes))
        default: break
        }
        try forEachContent(in: range, of: bytes) { field, content throws(EngineError) in
            if message == .node, field == operatorTypeField {
                found.addOperator(bytes.repairedText(content))
            }
            guard let child = message.child(field) else { return }
            try scan(child, content, in: bytes, depth: depth + 1, &found)
        }
    }

    private static func checkTensor(_ tensor: TensorFields) throws(EngineError) {
        guard !tensor.isElsewhere else {
            throw EngineError(
                .unsupported,
                "tensor \(quoted(tensor.name)) of the model has its data in another file, which "
                    + "only initializers of the graph itself may have"
            )
        }
    }

    /// The initializers of the graph, and what its nodes do.
    private struct Found {
        private(set) var timeDependsOnValues = false
        private var external: [ExternalTensor] = []
        private var names: Set<ExactString> = []
        private var repeated: Set<ExactString> = []

        mutating func add(_ tensor: TensorFields) throws(EngineError) {
            if !names.insert(tensor.name).inserted { repeated.insert(tensor.name) }
            guard tensor.isElsewhere else { return }
            guard external.count < EngineLimits.maxExternalTensors else {
                throw EngineError(
                    .unsupported,
                    "more than \(EngineLimits.maxExternalTensors) tensors of the model have their "
                        + "data in other files"
                )
            }
            external.append(try tensor.external())
        }

        mutating func addOperator(_ type: String) {
            timeDependsOnValues = timeDependsOnValues || operatorsByValue.contains(type)
        }

        func tensors() throws(EngineError) -> [ExternalTensor] {
            for tensor in external where repeated.contains(tensor.name) {
                throw EngineError(
                    .invalidModel,
                    "tensor \(quoted(tensor.name)) of the model, whose data is in another file, is "
                        + "there twice"
                )
            }
            return external
        }
    }

    /// The name of a graph's input if it is a tensor without a shape.
    private static func nameOfShapeless(
        _ input: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> ExactString? {
        var name = ""
        var (isTensor, hasShape) = (false, false)
        try forEachContent(in: input, of: bytes) { field, content throws(EngineError) in
            // ValueInfoProto: 1 name, 2 type. TypeProto: 1 tensor. TypeProto.Tensor: 2 shape.
            if field == 1 { name = bytes.repairedText(content) }
            guard field == 2 else { return }
            try forEachContent(in: content, of: bytes) { field, tensor throws(EngineError) in
                guard field == 1 else { return }
                isTensor = true
                try forEachContent(in: tensor, of: bytes) { field, _ in
                    hasShape = hasShape || field == 2
                }
            }
        }
        return isTensor && !hasShape ? ExactString(name) : nil
    }

    private static func forEachContent(
        in range: Range<Int>,
        of bytes: RawSpan,
        _ body: (UInt32, Range<Int>) throws(EngineError) -> Void
    ) throws(EngineError) {
        var fields = ProtobufFields(range)
        while let field = try fields.next(in: bytes) {
            guard case .content(let number, let content) = field else { continue }
            try body(number, content)
        }
    }
}
