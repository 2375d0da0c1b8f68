internal import Text

extension OperatorTable {
    /// The domain ai.onnx.ml.
    static let classic: Table = [
        ("LabelEncoder", OperatorRule(TextRules.labels, .exact, followsPadding: true)),
        ("CategoryMapper", OperatorRule(TextRules.categories, .exact)),
        ("Binarizer", OperatorRule(ElementwiseRules.unary, .exact)),
        ("Scaler", OperatorRule(ClassicRules.features(OnnxType.float), .exact)),
        ("Imputer", OperatorRule(ClassicRules.features(nil), .exact)),
        ("Normalizer", OperatorRule(ClassicRules.features(OnnxType.float), .exactFP32)),
        ("OneHotEncoder", OperatorRule(ClassicRules.oneHot, .exact)),
        ("FeatureVectorizer", OperatorRule(ClassicRules.join, .exact)),
        ("ArrayFeatureExtractor", OperatorRule(ClassicRules.extract, .exact)),
        (
            "TreeEnsembleClassifier",
            OperatorRule(ClassicRules.table([.labels, .scores]), .rowCountOfAll)
        ),
        ("TreeEnsembleRegressor TreeEnsemble", treeScores),
        (
            "LinearClassifier SVMClassifier",
            OperatorRule(ClassicRules.table([.labels, .scores]), .placeOfAll)
        ),
        ("LinearRegressor SVMRegressor", OperatorRule(ClassicRules.table([.scores]), .placeOfAll)),
    ]

    private static let treeScores = OperatorRule(ClassicRules.table([.scores]), .rowCountOfAll)

    /// Operators of the domain com.microsoft that exporters write.
    static let contributed: Table = [
        ("Tokenizer", OperatorRule(TextRules.tokenizer, .exact)),
        (
            "Gelu FastGelu QuickGelu BiasGelu",
            OperatorRule(ElementwiseRules.broadcast(), .exactOnlyFP32)
        ),
        (
            "SkipLayerNormalization SkipSimplifiedLayerNormalization",
            OperatorRule(ReductionRules.skipNormalization, .exactWide)
        ),
        ("FusedMatMul", OperatorRule(ContractionRules.fusedMatMul, .rowCount)),
        ("MatMulNBits", OperatorRule(ContractionRules.matMulNBits, .rowCount)),
        ("Attention", OperatorRule(AttentionRules.batchFirst(constants: [1, 2]), .rowCount)),
        (
            "QAttention",
            OperatorRule(AttentionRules.batchFirst(constants: [1, 2, 3, 4, 6, 7]), .rowCount)
        ),
        ("MultiHeadAttention", OperatorRule(AttentionRules.batchFirst(constants: [3]), .rowCount)),
        (
            "EmbedLayerNormalization",
            OperatorRule(
                AttentionRules.batchFirst(constants: [2, 3, 4, 5, 6], typed: 2),
                .rowCount
            )
        ),
        (
            "QLinearAdd QLinearMul",
            OperatorRule(ElementwiseRules.broadcast(of: [0, 3]), .rowCount)
        ),
        ("QLinearSigmoid QLinearLeakyRelu", OperatorRule(ElementwiseRules.unary, .rowCount)),
        (
            "DynamicQuantizeMatMul DynamicQuantizeLSTM",
            .refused("takes its scale from the whole tensor")
        ),
    ]
}
