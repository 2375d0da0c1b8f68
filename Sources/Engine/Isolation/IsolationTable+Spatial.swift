internal import Text

extension IsolationTable {
    static let spatial: Rows = [
        (
            "Conv",
            OperatorReview.safe(
                "time in proportion to the output and the kernel",
                .fixedSizes(1, called: "weights"),
                .smallKernel(1),
                .group
            ).holding {
                $0.patches
            }
        ),
        (
            "ConvInteger",
            OperatorReview.safe(
                "time in proportion to the output and the kernel",
                .fixedSizes(1, called: "weights"),
                .smallKernel(1),
                .group
            ).holding { $0.columns(of: 1, over: $0.outputs.first) }
        ),
        (
            "QLinearConv",
            OperatorReview.safe(
                "time in proportion to the output and the kernel",
                .fixedSizes(3, called: "weights"),
                .smallKernel(3),
                .group
            ).holding { $0.columns(of: 3, over: $0.outputs.first) }
        ),
        (
            "ConvTranspose",
            OperatorReview.safe(
                "time in proportion to the input and the kernel",
                .hasElements,
                .fixedSizes(1, called: "weights"),
                .smallKernel(1),
                .group
            ).holding { $0.columns(of: 1, over: $0.input(0)) }
        ),
        (
            "MaxPool AveragePool LpPool",
            .safe("time in proportion to the output and the window", .hasPlaces, .smallWindow)
        ),
        (
            "GlobalAveragePool GlobalMaxPool GlobalLpPool",
            .safe("reads each element once", .hasPlaces)
        ),
        (
            "InstanceNormalization GroupNormalization",
            .safe(
                "reads each element a few times; the shapes of parameters are checked",
                .hasPlaces
            )
        ),
        (
            "BatchNormalization",
            .safe("reads each element a few times; the shapes of parameters are checked")
        ),
        (
            "LRN",
            OperatorReview.safe(
                "reads each element a few times",
                .attribute("size", in: 1...ReviewCondition.maxNeighbours)
            ).holding { $0.paddedChannels }
        ),
        (
            "Resize Upsample",
            .safe(
                "the sizes have to follow from sizes and constants",
                .constant(1, 2, called: "region or scales")
            )
        ),
    ]
}

extension ReviewedNode {
    /// The bytes of the patches of one image that `Conv` copies: in more than 3 dimensions, and in
    /// numbers of 8 bits. The runtime makes one quantised convolution of `DequantizeLinear`,
    /// `Conv` and `QuantizeLinear`, also where other nodes lie between them.
    fileprivate var patches: SizeBound? {
        if (input(0)?.rank ?? .max) > 5 { return columns(of: 1, over: outputs.first) }
        guard graph.isQuantized else { return SizeBound(0) }
        // One byte for an element of a patch, and a pointer for a place of the kernel.
        guard let kernel = input(1)?.shape, let places = outputs.first?.shape,
            let pointers = symbols.bound(ofProduct: kernel.dropFirst(2) + places.dropFirst(2)),
            let bytes = columns(of: 1, over: outputs.first)?.scaled(by: 1 / 8)
        else { return nil }
        return bytes.plus(pointers.scaled(by: 8))
    }

    /// The bytes of the patches of one image that a convolution may copy: the elements of a kernel
    /// for each place of a tensor, with at most 8 bytes each, in each group.
    fileprivate func columns(of weights: Int, over facts: TensorFacts?) -> SizeBound? {
        guard let kernel = input(weights)?.shape, let places = facts?.shape, places.count >= 2,
            let count = symbols.bound(ofProduct: kernel.dropFirst() + places.dropFirst(2))
        else { return nil }
        return count.scaled(by: 8 * Double(max(node.attributes["group"]?.int ?? 1, 1)))
    }

    /// The bytes of one image with the channels that LRN adds in front and behind, as FP32.
    fileprivate var paddedChannels: SizeBound? {
        guard let shape = input(0)?.shape, shape.count >= 2,
            let added = node.attributes["size"]?.int,
            let channels = symbols.bound(of: shape[1])?.plus(SizeBound(Double(added)))
        else { return nil }
        return symbols.bound(ofProduct: shape.dropFirst(2))?.times(channels)?.scaled(by: 4)
    }
}
