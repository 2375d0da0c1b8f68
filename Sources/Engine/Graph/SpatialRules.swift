internal import Text

/// Rules of operators on images and series: dimension 0 is the batch, 1 the channels.
enum SpatialRules {
    /// Requires the rows to be the batch.
    static func requireLeadingRows(_ facts: TensorFacts) throws(RowFault) {
        guard facts.isSame || facts.rows == .apart(RowAxis(axis: 0)) else {
            throw RowFault("takes its batch from another dimension than that of the rows")
        }
    }

    /// Conv: the channels are those of the weight.
    static func convolution(_ input: Int, _ weight: Int) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let facts = try call.input(input)
            let (shape, kernel) = (try call.shape(input), try call.shape(weight))
            try requireLeadingRows(facts)
            try call.requireSame(call.inputs.indices.filter { $0 != input })
            guard shape.count >= 3, kernel.count == shape.count else {
                throw RowFault("takes a batch of images")
            }
            var window = try Window(call, spatial: shape.count - 2)
            window.kernel = window.kernel ?? Array(kernel[2...].map { $0?.number })
            let spatial = window.sizes(of: Array(shape[2...]), in: &call)
            let type = call.node.type == "ConvInteger" ? OnnxType.int32 : facts.type
            return [
                TensorFacts(type: type, shape: [shape[0], kernel[0]] + spatial, rows: facts.rows)
            ]
        }
    }

    static func transposedConvolution(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts]
    {
        let facts = try call.input(0)
        let (shape, kernel) = (try call.shape(0), try call.shape(1))
        try requireLeadingRows(facts)
        try call.requireSame(call.inputs.indices.dropFirst())
        guard shape.count >= 3, kernel.count == shape.count else {
            throw RowFault("takes a batch of images")
        }
        let channels = kernel[1]?.times(SymbolicSize(call.int("group", default: 1)))
        let window = try Window(call, spatial: shape.count - 2)
        let sizes = (2..<shape.count).map { place -> SymbolicSize? in
            window.transposedSize(of: shape[place], kernel[place], at: place - 2, in: call)
        }
        return [
            TensorFacts(type: facts.type, shape: [shape[0], channels] + sizes, rows: facts.rows)
        ]
    }

    /// Pooling. The second output of MaxPool holds places in the whole tensor.
    static func pool(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let facts = try call.input(0)
        let shape = try call.shape(0)
        try requireLeadingRows(facts)
        try call.requireSame(call.inputs.indices.dropFirst())
        guard shape.count >= 3 else { throw RowFault("takes a batch of images") }
        let window = try Window(call, spatial: shape.count - 2)
        let spatial = window.sizes(of: Array(shape[2...]), in: &call)
        let result = TensorFacts(
            type: facts.type,
            shape: Array(shape[..<2]) + spatial,
            rows: facts.rows
        )
        var indices = result
        indices.type = OnnxType.int64
        if !facts.isSame { indices.rows = .mixed(RowFault("counts places from the first row")) }
        return [result, indices]
    }

    static func globalPool(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let facts = try call.input(0)
        let shape = try call.shape(0)
        try requireLeadingRows(facts)
        try call.requireSame(call.inputs.indices.dropFirst())
        guard shape.count >= 2 else { throw RowFault("takes a batch of images") }
        let sizes = shape[..<2] + shape[2...].map { _ in .one }
        return [TensorFacts(type: facts.type, shape: Array(sizes), rows: facts.rows)]
    }

    /// BatchNormalization with the statistics of training; rows may be any dimension but 1.
    static func batchNormalization(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let facts = try call.input(0)
        let shape = try call.shape(0)
        try call.requireSame(call.inputs.indices.dropFirst())
        let isTraining =
            call.int("training_mode", default: 0) != 0
            || call.version < 7 && call.int("is_test", default: 0) == 0
            || call.version < 14 && call.node.outputs.dropFirst().contains { $0 != "" }
        guard !isTraining || facts.isSame else {
            throw RowFault("is in training mode: it normalises over the rows")
        }
        if facts.rowAxis?.axis == 1 { throw RowFault("takes the rows for channels") }
        return [TensorFacts(type: facts.type, shape: shape, rows: facts.rows)]
    }

    /// Operators that work on each image by itself and keep the shape.
    static func keeping(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let facts = try call.input(0)
        try requireLeadingRows(facts)
        try call.requireSame(call.inputs.indices.dropFirst())
        return [TensorFacts(type: facts.type, shape: try call.shape(0), rows: facts.rows)]
    }

    /// Resize, Upsample: the dimension of the rows must keep its size.
    static func resize(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let facts = try call.input(0)
        let shape = try call.shape(0)
        var axes: [Int] = []
        let given = try call.ints("axes") ?? []
        for axis in given.isEmpty ? shape.indices.map(Int64.init) : given {
            axes.append(try normalized(axis, rank: shape.count))
        }
        var result = TensorFacts(type: facts.type, shape: shape, rows: facts.rows)
        for (place, axis) in axes.enumerated() where axis != facts.rowAxis?.axis {
            result.shape?[axis] = resized(shape[axis], at: place, call)
        }
        try call.requireSame([1, 2])
        let place = facts.rowAxis.flatMap { axes.firstIndex(of: $0.axis) }
        try copySizes(to: &result, axes, call)
        guard let rows = facts.rowAxis, let place else { return [result] }
        let isStretched = (call.text("keep_aspect_ratio_policy") ?? "stretch") == "stretch"
        let isCropped = call.text("coordinate_transformation_mode") == "tf_crop_and_resize"
        let sizes = try sizes(call)
        let isKept =
            scale(call, at: place) == 1
            || sizes.map { place < $0.count && $0[place] == shape[rows.axis] } ?? false
        guard isStretched, !isCropped, isKept else { throw RowFault("resizes the rows") }
        result.shape?[rows.axis] = shape[rows.axis]
        return [result]
    }

    /// A size times its scale, which the runtime computes with 24 bits; a crop has another.
    private static func resized(
        _ size: SymbolicSize?,
        at place: Int,
        _ call: OperatorCall
    ) -> SymbolicSize {
        guard call.text("coordinate_transformation_mode") != "tf_crop_and_resize",
            let scale = scale(call, at: place), scale > 0, scale <= Double(Int32.max)
        else { return call.freshSize() }
        return call.freshSize(atMost: call.bound(size)?.scaled(by: scale * (1 + 0x1p-20)))
    }

    private static func copySizes(
        to result: inout TensorFacts,
        _ axes: [Int],
        _ call: OperatorCall
    ) throws(RowFault) {
        guard let sizes = try sizes(call), sizes.count == axes.count,
            (call.text("keep_aspect_ratio_policy") ?? "stretch") == "stretch"
        else { return }
        for (axis, size) in zip(axes, sizes) { result.shape?[axis] = size }
    }

    /// The sizes that a Resize is given since version 11.
    private static func sizes(_ call: OperatorCall) throws(RowFault) -> [SymbolicSize?]? {
        call.node.type == "Resize" && call.version >= 11 ? try call.sizes(3) : nil
    }

    private static func scale(_ call: OperatorCall, at place: Int) -> Double? {
        if let scales = call.node.attributes["scales"] {
            return place < scales.reals.count ? scales.reals[place] : nil
        }
        let index = call.node.type == "Resize" && call.version >= 11 ? 2 : 1
        guard let scales = call.optionalInput(index)?.reals, place < scales.count else {
            return nil
        }
        return scales[place]
    }

    static func gridSample(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let (image, grid) = (try call.input(0), try call.input(1))
        let (shape, places) = (try call.shape(0), try call.shape(1))
        guard shape.count >= 3, places.count == shape.count else {
            throw RowFault("takes a batch of images")
        }
        for facts in [image, grid] { try requireLeadingRows(facts) }
        guard image.rows == grid.rows, shape[0] == places[0] else {
            throw RowFault("samples images of which one is not of the rows")
        }
        let sizes = Array(shape[..<2]) + Array(places[1..<(places.count - 1)])
        return [TensorFacts(type: image.type, shape: sizes, rows: image.rows)]
    }
}
