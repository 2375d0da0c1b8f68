internal import Text

extension IsolationTable {
    /// The domain ai.onnx.ml.
    static let classic: Rows = [
        (
            "LabelEncoder",
            .safe(
                "looks each element up; an unknown one has a default or is an error",
                takesText: true
            )
        ),
        (
            "CategoryMapper OneHotEncoder",
            OperatorReview.safe(
                "looks each element up; the hashes of integers may collide",
                .fewKeys,
                takesText: true
            ).slow { $0.integerKeys > quickKeys }
        ),
        ("Binarizer Scaler Imputer Normalizer", .safe("a few operations an element")),
        (
            "ArrayFeatureExtractor",
            OperatorReview.safe("checks each index before it is used").pickingText()
        ),
        (
            "LinearClassifier LinearRegressor",
            .safe("one product of a row with the coefficients", .linearLists)
        ),
        (
            "TreeEnsembleClassifier TreeEnsembleRegressor",
            OperatorReview.safe("values decide the path of a row among the nodes", .treeIndices)
                .slow { node in
                    node.count("nodes_treeids") > quickTreeNodes
                }
        ),
        (
            "TreeEnsemble SVMClassifier SVMRegressor FeatureVectorizer",
            .host("its kernel trusts its attributes, which are not reviewed")
        ),
        ("ZipMap DictVectorizer CastMap", .host("it computes with values that are no tensors")),
    ]

    /// Nodes of an ensemble among which the path of a row makes no difference to time.
    private static let quickTreeNodes = 4_096

    /// Integer keys whose collisions make little difference to time.
    private static let quickKeys = 64

    /// The domain com.microsoft.
    static let contributed: Rows = [
        (
            "Gelu FastGelu QuickGelu BiasGelu",
            .safe("a bounded number of operations an element")
        ),
        (
            "SkipLayerNormalization SkipSimplifiedLayerNormalization",
            .safe(
                "reads each element a few times; the shapes of parameters are checked",
                .skipHasElements
            )
        ),
        (
            "FusedMatMul",
            .safe("time in proportion to the sizes and the inner size", .fixedInnerSize(0, 1))
        ),
        (
            "QLinearAdd QLinearMul QLinearSigmoid QLinearLeakyRelu",
            .safe("one operation an element; results are clamped")
        ),
        ("Tokenizer", .host("a text of a request decides its time and the size of its output")),
        (
            "Attention QAttention MultiHeadAttention GroupQueryAttention PackedAttention "
                + "PackedMultiHeadAttention DecoderAttention DecoderMaskedSelfAttention "
                + "DecoderMaskedMultiHeadAttention LongformerAttention SparseAttention "
                + "PagedAttention LinearAttention EmbedLayerNormalization "
                + "QEmbedLayerNormalization RotaryEmbedding RelativePositionBias "
                + "GatedRelativePositionBias",
            .host("its memory grows with the square of a length, or its kernel is not reviewed")
        ),
        (
            "BeamSearch GreedySearch Sampling WhisperBeamSearch",
            .host("values of a request decide how often a part of the graph runs")
        ),
        (
            "MatMulNBits MatMulBnb4 MatMulFpQ4 MatMulInteger16 MatMulIntegerToFloat "
                + "GatherBlockQuantized DynamicQuantizeMatMul DynamicQuantizeLSTM QGemm "
                + "QLinearConcat QLinearAveragePool QLinearGlobalAveragePool QLinearReduceMean "
                + "QLinearSoftmax QLinearWhere QuantizeLinear DequantizeLinear MoE QMoE",
            .host("its kernel trusts the shapes of its parameters, which are not reviewed")
        ),
        (
            "FusedConv FusedGemm NhwcMaxPool TransposeMatMul SparseToDenseMatMul Inverse CDist "
                + "CropAndResize ConvTransposeWithDynamicPads ExpandDims GatherND GridSample "
                + "MaxpoolWithMask MurmurHash3 NGramRepeatBlock Pad Range Trilu Unique "
                + "WordConvEmbedding BifurcationDetector DynamicTimeWarping UnfoldTensor "
                + "BiasDropout BitmaskDropout SampleOp IsAllFinite",
            .host("its kernel is not reviewed")
        ),
    ]
}
