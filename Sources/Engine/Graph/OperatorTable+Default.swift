internal import Text

extension OperatorTable {
    static let elementwise: Table = [
        (
            "Add Sub Mul Div Mod Pow Sum Mean BitShift BitwiseAnd BitwiseOr BitwiseXor PRelu "
                + "StringConcat",
            OperatorRule(ElementwiseRules.broadcast(), .exact)
        ),
        ("Max Min", OperatorRule(ElementwiseRules.extreme, .place)),
        (
            "And Or Xor Equal Less Greater LessOrEqual GreaterOrEqual",
            OperatorRule(ElementwiseRules.broadcast(.bool), .exact)
        ),
        ("Where", OperatorRule(ElementwiseRules.broadcast(.second), .exact)),
        ("CastLike", OperatorRule(ElementwiseRules.castLike, .exact, sizes: [1])),
        ("IsNaN IsInf Not", OperatorRule(ElementwiseRules.broadcast(.bool), .exact)),
        ("RegexFullMatch", OperatorRule(ElementwiseRules.broadcast(.bool), .exact)),
        (
            "Abs Neg Sqrt Relu Floor Ceil Round Reciprocal Shrink Clip BitwiseNot LeakyRelu "
                + "HardSigmoid HardSwish ThresholdedRelu",
            OperatorRule(ElementwiseRules.unary, .exact)
        ),
        (
            "Exp Sigmoid Tanh Erf Sinh Cosh Tan Asinh Acosh Atanh Softsign",
            OperatorRule(ElementwiseRules.unary, .exactFP32)
        ),
        ("Gelu", OperatorRule(ElementwiseRules.unary, .exactOnlyFP32)),
        (
            "Log Sin Cos Asin Acos Atan Elu Selu Celu Softplus Mish Swish",
            OperatorRule(ElementwiseRules.unary, .place)
        ),
        ("Sign", OperatorRule(ElementwiseRules.sign, .exactFP32, followsPadding: true)),
        ("Identity", OperatorRule(ElementwiseRules.identity, .exact, followsPadding: true)),
        ("Cast", OperatorRule(ElementwiseRules.cast, .exact, followsPadding: true)),
        ("Dropout", OperatorRule(ElementwiseRules.dropout, .exact)),
        ("DynamicQuantizeLinear", OperatorRule(ElementwiseRules.quantizeWhole, .exact)),
        ("QuantizeLinear DequantizeLinear", OperatorRule(ElementwiseRules.quantize, .rowCount)),
    ]

    static let layout: Table = [
        ("Transpose", OperatorRule(LayoutRules.transpose, .exact, followsPadding: true)),
        ("Reshape", OperatorRule(LayoutRules.reshape, .exact, sizes: [1])),
        ("Flatten", OperatorRule(LayoutRules.flatten, .exact)),
        ("Squeeze", OperatorRule(LayoutRules.squeeze, .exact, sizes: [1], followsPadding: true)),
        (
            "Unsqueeze",
            OperatorRule(LayoutRules.unsqueeze, .exact, sizes: [1], followsPadding: true)
        ),
        ("DepthToSpace SpaceToDepth", OperatorRule(LayoutRules.depthToSpace, .exact)),
        ("ReverseSequence", OperatorRule(LayoutRules.reverseSequence, .exact)),
        ("Trilu", OperatorRule(LayoutRules.keeping(last: 2), .exact)),
        ("Expand", OperatorRule(ExtentRules.expand, .exact, sizes: [1])),
        ("Tile", OperatorRule(ExtentRules.tile, .exact, sizes: [1])),
        ("Concat", OperatorRule(ExtentRules.concat, .exact)),
        ("Split", OperatorRule(ExtentRules.split, .exact, sizes: [1])),
        ("Pad", OperatorRule(ExtentRules.pad, .exact, sizes: [1, 3], followsPadding: true)),
    ]

    static let selection: Table = [
        (
            "Slice",
            OperatorRule(
                SelectionRules.slice,
                .exact,
                sizes: [1, 2, 3, 4],
                followsPadding: true
            )
        ),
        ("Gather", OperatorRule(SelectionRules.gather, .exact)),
        (
            "GatherElements ScatterElements Scatter",
            OperatorRule(SelectionRules.elements, .exact)
        ),
        ("GatherND", OperatorRule(SelectionRules.gatherND, .exact)),
        ("ScatterND", OperatorRule(SelectionRules.scatterND, .exact)),
        ("NonZero", OperatorRule(SelectionRules.nonZero, .exact)),
        ("Compress", OperatorRule(SelectionRules.compress, .exact)),
        ("OneHot", OperatorRule(SelectionRules.oneHot, .exact, sizes: [1])),
        ("Constant", OperatorRule(ShapeRules.constant, .exact)),
        ("Shape", OperatorRule(ShapeRules.shape, .exact, sizes: [0], followsPadding: true)),
        ("Size", OperatorRule(ShapeRules.size, .exact, sizes: [0], followsPadding: true)),
        ("ConstantOfShape", OperatorRule(ShapeRules.constantOfShape, .exact, sizes: [0])),
        ("Range", OperatorRule(ShapeRules.range, .exact, sizes: [0, 1, 2])),
    ]

    static let reductions: Table = [
        (
            "ReduceSum",
            OperatorRule(
                ReductionRules.reduce(axesInputSince: 13),
                .placeFP64,
                sizes: [1],
                followsPadding: true
            )
        ),
        (
            "ReduceMean ReduceMax ReduceMin",
            OperatorRule(ReductionRules.reduce(axesInputSince: 18), .placeFP64, sizes: [1])
        ),
        (
            "ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp",
            OperatorRule(ReductionRules.reduce(axesInputSince: 18), .rowCountWide, sizes: [1])
        ),
        ("ArgMax ArgMin", OperatorRule(ReductionRules.arg, .exact)),
        ("Softmax LogSoftmax", OperatorRule(ReductionRules.softmax, .exactOnlyFP32)),
        ("Hardmax", OperatorRule(ReductionRules.softmax, .place)),
        ("CumSum", OperatorRule(ReductionRules.cumulative, .exact, sizes: [1])),
        ("CumProd", OperatorRule(ReductionRules.cumulative, .place, sizes: [1])),
        ("TopK", OperatorRule(ReductionRules.topK, .exact, sizes: [1])),
        (
            "LayerNormalization RMSNormalization SimplifiedLayerNormalization",
            OperatorRule(ReductionRules.layerNormalization, .exactWide)
        ),
        (
            "LpNormalization",
            OperatorRule(ReductionRules.along(axis: "axis", default: -1), .exactWide)
        ),
        (
            "MeanVarianceNormalization",
            OperatorRule(ReductionRules.meanVariance, .rowCountWide)
        ),
    ]

    static let products: Table = [
        ("MatMul", OperatorRule(ContractionRules.matMul(0, 1), .rowCount)),
        ("MatMulInteger", OperatorRule(ContractionRules.matMul(0, 1), .rowCountOfAll)),
        ("QLinearMatMul", OperatorRule(ContractionRules.matMul(0, 3), .rowCount)),
        ("Gemm", OperatorRule(ContractionRules.gemm, .rowCount)),
        ("Einsum", OperatorRule(ContractionRules.einsum, .rowCount)),
        ("LSTM GRU", OperatorRule(RecurrentRules.recurrent, .rowCount)),
        ("RNN", OperatorRule(RecurrentRules.recurrent, .place)),
        ("Attention", OperatorRule(AttentionRules.attention, .rowCount)),
    ]

    static let spatial: Table = [
        ("Conv", OperatorRule(SpatialRules.convolution(0, 1), .rowCount)),
        ("ConvInteger", OperatorRule(SpatialRules.convolution(0, 1), .rowCountOfAll)),
        ("QLinearConv", OperatorRule(SpatialRules.convolution(0, 3), .rowCount)),
        ("ConvTranspose", OperatorRule(SpatialRules.transposedConvolution, .rowCount)),
        ("MaxPool AveragePool LpPool", OperatorRule(SpatialRules.pool, .exactWide)),
        (
            "GlobalAveragePool GlobalMaxPool GlobalLpPool",
            OperatorRule(SpatialRules.globalPool, .exactWide)
        ),
        ("BatchNormalization", OperatorRule(SpatialRules.batchNormalization, .exactWide)),
        ("InstanceNormalization", OperatorRule(SpatialRules.keeping, .place)),
        ("GroupNormalization", OperatorRule(SpatialRules.keeping, .rowCount)),
        ("LRN", OperatorRule(SpatialRules.keeping, .place)),
        ("Resize Upsample", OperatorRule(SpatialRules.resize, .exactWide, sizes: [3])),
        ("GridSample", OperatorRule(SpatialRules.gridSample, .exactWide)),
    ]

    static let text: Table = [
        ("StringNormalizer", OperatorRule(TextRules.normalizer, .exact)),
        ("StringSplit", OperatorRule(TextRules.split, .exact)),
        ("TfIdfVectorizer", OperatorRule(TextRules.counts, .exact)),
    ]

    static let refused: Table = [
        (
            "Unique NonMaxSuppression",
            .refused("gives a number of rows that depends on values")
        ),
        ("MaxUnpool", .refused("counts places from the first row")),
        ("TensorScatter", .refused("writes to rows by their index")),
        (
            "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
            .refused("averages over the rows")
        ),
        (
            "If Loop Scan SequenceMap",
            .refused("runs a part of the graph as often as values decide", isOpaque: true)
        ),
        (
            "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Multinomial Bernoulli",
            .refused("draws random numbers", isOpaque: true)
        ),
    ]
}
