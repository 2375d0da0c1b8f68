/// What a model's file says that has to be known before the runtime sees it, or that the runtime
/// does not tell.
struct ModelFacts {
    /// The graph's inputs that are tensors without a shape. The runtime describes them as scalars.
    var inputsWithoutShape: Set<String> = []
}

/// Looks through a model's file for tensors whose data is elsewhere.
///
/// Such a tensor names a path, and the runtime would open it: a model could read any file of the
/// server, and a few spellings of the path even name memory. A bundle is all that a version is, so
/// they are refused. Every place in which ONNX allows a tensor is looked at: initializers, sparse
/// ones, attributes of nodes at any depth of subgraphs, functions, training graphs.
enum ModelScan {
    /// A message of the ONNX schema, as far as it can lead to a tensor.
    private enum Message: String {
        case model, graph, node, attribute, tensor, sparseTensor, function, training

        /// The message that a field of this one holds; nil if none leads to a tensor from there.
        func child(_ field: UInt32) -> Message? {
            switch (self, field) {
            case (.model, 7): .graph
            case (.model, 20): .training
            case (.model, 25): .function
            case (.graph, 1): .node
            case (.graph, 5): .tensor
            case (.graph, 15): .sparseTensor
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
    private static let graphInputField: UInt32 = 11
    private static let tensorNameField: UInt32 = 8
    private static let tensorExternalDataField: UInt32 = 13
    private static let tensorDataLocationField: UInt32 = 14
    private static let dataLocationExternal: UInt32 = 1

    /// Scans a file.
    ///
    /// - Throws: `invalidModel` if it is empty, too large or no such file; `unsupported` if a
    ///   tensor's data is elsewhere.
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
        try scan(.model, whole, in: bytes, depth: 1)
        var facts = ModelFacts()
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
        depth: Int
    ) throws(EngineError) {
        guard depth <= EngineLimits.maxModelDepth else {
            throw EngineError(
                .invalidModel,
                "the model's graphs are nested deeper than \(EngineLimits.maxModelDepth) messages"
            )
        }
        if message == .tensor { return try checkTensor(range, in: bytes) }
        try forEachContent(in: range, of: bytes) { field, content throws(EngineError) in
            guard let child = message.child(field) else { return }
            try scan(child, content, in: bytes, depth: depth + 1)
        }
    }

    private static func checkTensor(_ range: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var fields = ProtobufFields(range)
        var name = ""
        var isElsewhere = false
        while let field = try fields.next(in: bytes) {
            switch field {
            case .content(tensorNameField, let content):
                name = text(content, in: bytes)
            case .content(tensorExternalDataField, _):
                isElsewhere = true
            case .number(tensorDataLocationField, let location):
                // As a parser does: an enumeration is the lower 32 bits of what is written.
                if UInt32(truncatingIfNeeded: location) == dataLocationExternal {
                    isElsewhere = true
                }
            case .content, .number:
                break
            }
        }
        guard !isElsewhere else {
            throw EngineError(
                .unsupported,
                "tensor \(quoted(name)) of the model has its data in another file: export the "
                    + "model as one file"
            )
        }
    }

    /// The name of a graph's input if it is a tensor without a shape.
    private static func nameOfShapeless(
        _ input: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> String? {
        var name = ""
        var (isTensor, hasShape) = (false, false)
        try forEachContent(in: input, of: bytes) { field, content throws(EngineError) in
            // ValueInfoProto: 1 name, 2 type. TypeProto: 1 tensor. TypeProto.Tensor: 2 shape.
            if field == 1 { name = text(content, in: bytes) }
            guard field == 2 else { return }
            try forEachContent(in: content, of: bytes) { field, tensor throws(EngineError) in
                guard field == 1 else { return }
                isTensor = true
                try forEachContent(in: tensor, of: bytes) { field, _ in
                    hasShape = hasShape || field == 2
                }
            }
        }
        return isTensor && !hasShape ? name : nil
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

    private static func text(_ range: Range<Int>, in bytes: RawSpan) -> String {
        unsafe bytes.extracting(range).withUnsafeBytes { text in
            unsafe String(decoding: text, as: UTF8.self)
        }
    }
}
