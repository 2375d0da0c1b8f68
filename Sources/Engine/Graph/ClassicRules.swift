internal import Text

/// Rules of the domain ai.onnx.ml: tables of features, a row each.
enum ClassicRules {
    /// Models that take a table and give one row for each.
    ///
    /// - Parameter outputs: The labels, which are one column, or the scores.
    static func table(_ outputs: [Output]) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let input = try call.input(0)
            let shape = try call.shape(0)
            guard shape.count == 2 else { throw RowFault("takes a table of two dimensions") }
            try SpatialRules.requireLeadingRows(input)
            return outputs.map { output in
                let columns =
                    output.isVector
                    ? []
                    : [
                        scoreColumns(call) ?? call.freshSize(atMost: SizeBound(2))
                    ]
                // The scores of TreeEnsemble have the type of the features, others FP32.
                let scores = call.node.type == "TreeEnsemble" ? input.type : output.type
                return TensorFacts(
                    type: output.isVector ? labelType(call) : scores ?? OnnxType.float,
                    shape: [shape[0]] + columns,
                    rows: input.rows
                )
            }
        }
    }

    struct Output: Sendable {
        /// nil for the type of the labels.
        var type: Int32?
        var isVector = false

        static let labels = Output(isVector: true)
        static let scores = Output(type: OnnxType.float)
    }

    /// The number of scores of a row. Classifiers of two classes have forms with one score.
    private static func scoreColumns(_ call: OperatorCall) -> SymbolicSize? {
        // An SVM may give a score for each pair of classes.
        guard call.node.type != "SVMClassifier" else { return call.freshSize() }
        let attributes = call.node.attributes
        let lists: [ExactString] = [
            "classlabels_int64s", "classlabels_ints", "classlabels_strings",
        ]
        if let count = lists.compactMap({ attributes[$0]?.count }).max() {
            return count > 2 ? SymbolicSize(Int64(count)) : nil
        }
        let targets = call.int("n_targets") ?? call.int("targets") ?? 1
        return targets > 0 ? SymbolicSize(targets) : nil
    }

    private static func labelType(_ call: OperatorCall) -> Int32 {
        let names: [ExactString] = ["classlabels_strings"]
        return names.contains { (call.node.attributes[$0]?.count ?? 0) > 0 }
            ? OnnxType.string : OnnxType.int64
    }

    /// Operators whose parameters lie along the last dimension, the features.
    static func features(_ type: Int32?) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let input = try call.input(0)
            let shape = try call.shape(0)
            guard shape.count >= 2, input.rowAxis?.axis != shape.count - 1 else {
                throw RowFault("takes the rows for features")
            }
            return [TensorFacts(type: type ?? input.type, shape: shape, rows: input.rows)]
        }
    }

    /// OneHotEncoder: a new last dimension.
    static func oneHot(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let attributes = call.node.attributes
        let names: [ExactString] = ["cats_int64s", "cats_strings"]
        let count = names.compactMap { attributes[$0]?.count }.max() ?? 0
        let shape = try call.shape(0) + [SymbolicSize(Int64(count))]
        return [TensorFacts(type: OnnxType.float, shape: shape, rows: input.rows)]
    }

    /// FeatureVectorizer: joins tables side by side.
    static func join(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let first = try call.input(0)
        for index in call.inputs.indices {
            let (facts, shape) = (try call.input(index), try call.shape(index))
            guard shape.count == 2, facts.rows == first.rows, shape[0] == first.shape?[0] else {
                throw RowFault("joins tables of which one is not of the rows")
            }
            try SpatialRules.requireLeadingRows(facts)
        }
        let shape = [try call.shape(0)[0], call.freshSize()]
        return [TensorFacts(type: OnnxType.float, shape: shape, rows: first.rows)]
    }

    /// ArrayFeatureExtractor: picks features, the last dimension, or looks rows up in a list.
    static func extract(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let (input, places) = (try call.input(0), try call.input(1))
        var shape = try call.shape(0)
        if !places.isSame || input.isSame && shape.count == 1 {
            guard input.isSame, shape.count == 1 else { throw RowFault("looks rows up in rows") }
            let flat = try LayoutRules.regrouped(
                places,
                as: [.one, SymbolicSize.product(try call.shape(1))]
            )
            return [TensorFacts(type: input.type, shape: flat.shape, rows: flat.rows)]
        }
        guard shape.count >= 2, input.rowAxis?.axis != shape.count - 1 else {
            throw RowFault("picks rows by their index")
        }
        shape[shape.count - 1] = SymbolicSize.product(try call.shape(1)) ?? call.freshSize()
        return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
    }
}
