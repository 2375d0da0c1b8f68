internal import Text

/// Rules of operators on text.
enum TextRules {
    /// StringNormalizer: with words to leave out, the number of rows depends on them.
    static func normalizer(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let hasStopWords = (call.node.attributes["stopwords"]?.count ?? 0) > 0
        if hasStopWords, !input.isSame {
            throw RowFault("leaves out rows that are stop words")
        }
        var shape = try call.shape(0)
        // Of no words at all it makes one.
        if hasStopWords || call.separatesInputs, let last = shape.last {
            shape[shape.count - 1] = call.freshSize(atMost: call.bound(last))
        }
        return [TensorFacts(type: OnnxType.string, shape: shape, rows: input.rows)]
    }

    /// Splits each element; the new last dimension is as long as the most parts of any element.
    private static func parts(_ call: OperatorCall, padding: [UInt8]) throws(RowFault)
        -> TensorFacts
    {
        let input = try call.input(0)
        let shape = try call.shape(0)
        var result = TensorFacts(type: OnnxType.string, shape: shape + [nil], rows: input.rows)
        guard !input.isSame else {
            result.shape = nil
            return result
        }
        result.padding = RowPadding(
            axis: shape.count,
            value: .text(padding),
            fault: RowFault("pads each row to the longest of the run")
        )
        return result
    }

    static func split(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let counts = TensorFacts(type: OnnxType.int64, shape: input.shape, rows: input.rows)
        return [try parts(call, padding: []), counts]
    }

    /// Tokenizer of com.microsoft.
    static func tokenizer(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        [try parts(call, padding: call.node.attributes["pad_value"]?.text ?? [])]
    }

    /// TfIdfVectorizer: of one dimension it counts over the whole tensor, of two over each row.
    static func counts(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        let rest = call.freshSize()
        var result = TensorFacts(type: OnnxType.float, shape: shape.dropLast() + [rest])
        guard let rows = input.rowAxis else { return [result] }
        guard shape.count == 2, rows == RowAxis(axis: 0) else {
            throw RowFault("counts words over the rows")
        }
        result.rows = input.rows
        return [result]
    }

    /// LabelEncoder: the padding of a ragged dimension is encoded like any element.
    static func labels(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        var result = TensorFacts(
            type: resultType(call),
            shape: try call.shape(0),
            rows: input.rows
        )
        result.padding = input.padding
        result.padding?.value = input.padding?.value.flatMap { encoded($0, call) }
        return [result]
    }

    /// CategoryMapper: text to numbers or back.
    static func categories(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let type = input.type == OnnxType.string ? OnnxType.int64 : OnnxType.string
        return [TensorFacts(type: type, shape: try call.shape(0), rows: input.rows)]
    }

    private static func resultType(_ call: OperatorCall) -> Int32 {
        let attributes = call.node.attributes
        if attributes["values_int64s"] != nil { return OnnxType.int64 }
        if attributes["values_floats"] != nil { return OnnxType.float }
        if attributes["values_strings"] != nil { return OnnxType.string }
        return attributes["values_tensor"]?.tensor?.type ?? 0
    }

    /// The number that a text stands for; nil if the node does not say so once and plainly.
    private static func encoded(_ value: KnownValue, _ call: OperatorCall) -> KnownValue? {
        guard case .text(let text) = value, let keys = call.node.attributes["keys_strings"],
            let values = call.node.attributes["values_int64s"]
        else { return nil }
        let places = keys.texts.indices.filter { keys.texts[$0] == text }
        guard places.count == 1, places[0] < values.ints.count, keys.count == values.count,
            keys.isComplete || places[0] < keys.texts.count
        else { return nil }
        return .number(values.ints[places[0]])
    }
}
