internal import Text

extension IsolationTable {
    static let elementwise: Rows = [
        (
            "Add",
            .safe("one operation an element; integers wrap", .mergesWithElements)
        ),
        (
            "Sub Mul Pow Sum Mean Max Min PRelu BitShift BitwiseAnd BitwiseOr BitwiseXor "
                + "BitwiseNot",
            .safe("one operation an element; integers wrap, and shifts by too much do not trap")
        ),
        ("Div", .safe("one operation an element", .safeDivisor)),
        (
            "Mod",
            OperatorReview.safe(
                "one operation an element; the steps of fmod in FP64 depend on the exponents",
                .safeDivisor
            ).slow { node in
                // fmod subtracts once for each bit between two exponents.
                node.input(0)?.type == OnnxType.double
            }
        ),
        (
            "And Or Xor Not Equal Less Greater LessOrEqual GreaterOrEqual Where IsNaN IsInf",
            .safe("one comparison an element")
        ),
        (
            "Abs Neg Sqrt Relu Floor Ceil Round Reciprocal Shrink Clip LeakyRelu HardSigmoid "
                + "HardSwish ThresholdedRelu Sign",
            .safe("one operation an element")
        ),
        (
            "Exp Log Sigmoid Tanh Erf Sinh Cosh Tan Sin Cos Asin Acos Atan Asinh Acosh Atanh "
                + "Softsign Softplus Gelu Elu Selu Celu Mish Swish",
            .safe("a bounded number of operations an element, also for the largest numbers")
        ),
        (
            "Cast",
            .safe(
                "a number out of range becomes another one; a text that is no number is an error",
                takesText: true
            )
        ),
        ("CastLike", .safe("as Cast; of the second input only the type counts")),
        ("Identity", .safe("copies its input", keepsElements: true, takesText: true)),
        ("Dropout", .safe("copies its input", .notTraining)),
        (
            "QuantizeLinear DequantizeLinear DynamicQuantizeLinear",
            .safe("one operation an element; results are clamped")
        ),
    ]

    static let numbers: Rows = [
        (
            "Constant Shape Size",
            .safe("gives constants and sizes", takesText: true)
        ),
        (
            "ConstantOfShape Range",
            .safe("fills a tensor, whose size has to follow from sizes and constants")
        ),
    ]

    static let layout: Rows = [
        (
            "Reshape Flatten Squeeze Unsqueeze Transpose",
            .safe("moves each element once", keepsElements: true, takesText: true)
        ),
        (
            "DepthToSpace SpaceToDepth",
            .safe(
                "moves each element once",
                .attribute("blocksize", in: 1...ReviewCondition.maxBlock),
                keepsElements: true
            )
        ),
        ("ReverseSequence", .safe("moves each element once; lengths are checked")),
        ("Trilu", .safe("copies or clears each element")),
        (
            "Expand Tile Pad",
            .safe("copies elements; the sizes have to follow from sizes and constants")
        ),
        (
            "Concat",
            OperatorReview.safe("copies each element once for each input").joiningText()
        ),
        (
            "Split Slice",
            .safe(
                "copies elements; indices are clamped, and values may decide how many are kept",
                takesText: true
            )
        ),
    ]

    static let selection: Rows = [
        ("Gather", OperatorReview.safe("checks each index before it is used").pickingText()),
        (
            "GatherElements GatherND ScatterElements Scatter ScatterND",
            .safe("checks each index before it is used")
        ),
        ("OneHot", .safe("an index out of range gives a row of the off value")),
        (
            "NonZero",
            OperatorReview.safe("gives at most one column for each element: values decide how many")
                .slow { _ in true }
        ),
        (
            "Compress",
            OperatorReview.safe(
                "keeps at most all elements: values decide how many",
                takesText: true
            ).slow { _ in true }
        ),
    ]

    static let reductions: Rows = [
        (
            "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 "
                + "ReduceSumSquare ReduceLogSum ReduceLogSumExp ArgMax ArgMin",
            .safe("reads each element once; a reduction over nothing does not divide integers")
        ),
        (
            "Softmax LogSoftmax Hardmax CumSum LpNormalization MeanVarianceNormalization "
                + "LayerNormalization RMSNormalization SimplifiedLayerNormalization",
            .safe("reads each element a few times")
        ),
        (
            "TopK",
            .safe("sorts at most \(ReviewCondition.maxSorted) elements of each row", .sortsFew)
        ),
    ]

    static let products: Rows = [
        (
            "MatMul MatMulInteger",
            .safe("time in proportion to the sizes and the inner size", .fixedInnerSize(0, 1))
        ),
        (
            "QLinearMatMul",
            .safe("time in proportion to the sizes and the inner size", .fixedInnerSize(0, 3))
        ),
        (
            "Gemm",
            .safe("time in proportion to the sizes and the inner size", .fixedInnerSize(0, 1))
        ),
        (
            "LSTM GRU RNN",
            OperatorReview.safe(
                "time in proportion to the steps; lengths are checked",
                .hasElements,
                .fixedSizes(1, 2, called: "weights")
            ).holding(recurrentWorkspace)
        ),
    ]

    /// The gates of a step and copies of the sequence for each element of the output.
    private static let recurrentWorkspace = 8.0

    static let text: Rows = [
        (
            "StringNormalizer",
            OperatorReview.safe("time in proportion to the text", takesText: true).slow { node in
                node.count("stopwords") > 0
            }
        )
    ]

    static let hosted: Rows = [
        (
            "Loop If Scan SequenceMap",
            .host("values of a request may decide how often a part of the graph runs")
        ),
        (
            "NonMaxSuppression",
            .host("its time grows with the square of the number of boxes")
        ),
        (
            "RegexFullMatch StringSplit StringConcat TfIdfVectorizer",
            .host("a text of a request decides its time or the size of its output")
        ),
        ("Unique", .host("a tensor without elements ends the process, and NaN breaks its order")),
        ("STFT", .host("a step of 0 divides integers by 0 and ends the process")),
        (
            "DFT MelWeightMatrix HannWindow HammingWindow BlackmanWindow AffineGrid CenterCropPad "
                + "Col2Im",
            .host("values of a request may decide the size of its output")
        ),
        (
            "RoiAlign MaxRoiPool",
            .host("the sizes of regions, which are values of a request, decide its time")
        ),
        (
            "GridSample DeformConv MaxUnpool TensorScatter",
            .host("values of a request are places that it reads or writes, and are not reviewed")
        ),
        (
            "Einsum Attention RotaryEmbedding Det",
            .host("its time or its memory may grow faster than the sizes of its inputs")
        ),
        (
            "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Multinomial Bernoulli",
            .host("it draws random numbers, and its kernel is not reviewed")
        ),
        (
            "CumProd EyeLike BitCast NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss "
                + "ImageDecoder",
            .host("its kernel is not reviewed")
        ),
        (
            "SequenceConstruct SequenceEmpty SequenceAt SequenceInsert SequenceErase "
                + "SequenceLength SplitToSequence ConcatFromSequence Optional OptionalGetElement "
                + "OptionalHasElement",
            .host("it computes with values that are no tensors")
        ),
    ]
}
