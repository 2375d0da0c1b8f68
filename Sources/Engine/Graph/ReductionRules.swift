internal import Text

/// Rules of operators that combine the elements along some dimensions.
enum ReductionRules {
    /// Reduce operators: their axes are an input since a version.
    static func reduce(axesInputSince version: Int64) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let shape = try call.shape(0)
            let given = try call.list(input: 1, attribute: "axes", inputSince: version)
            var axes: Set<Int> = []
            for axis in given ?? [] { axes.insert(try normalized(axis, rank: shape.count)) }
            if axes.isEmpty, call.int("noop_with_empty_axes", default: 0) == 0 {
                axes = Set(shape.indices)
            }
            let keepsSize = call.int("keepdims", default: 1) != 0
            let result = try reduced(call, shape, over: axes, keepsSize: keepsSize)
            let isLast = axes.contains(shape.count - 1)
            if isLast ? vectorized.contains(call.node.type) : breaksTies(result, call) {
                call.stability = .place
            }
            return [result]
        }
    }

    /// Kernels that vectorise along contiguous elements begin at an aligned address, so the bits
    /// depend on where the row lies.
    private static let vectorized: Set<ExactString> = [
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin",
    ]
    /// The elements of a register of 512 bits, the widest that kernels use.
    private static let vectorElements = SymbolicSize(16)

    /// Whether the place decides which of two zeros or two NaN an extreme is: it does where rows
    /// do not begin at multiples of a register.
    private static func breaksTies(_ result: TensorFacts, _ call: OperatorCall) -> Bool {
        guard call.node.type == "ReduceMax" || call.node.type == "ReduceMin",
            let rows = result.rowAxis, let shape = result.shape,
            let block = rows.outer.times(.rowCount)
        else { return false }
        let inner = shape[rows.axis]?.divided(by: block)
        let stride = SymbolicSize.product(shape[(rows.axis + 1)...] + [inner])
        return stride?.divided(by: vectorElements) == nil
    }

    static func arg(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let shape = try call.shape(0)
        let axis = try normalized(call.int("axis", default: 0), rank: shape.count)
        let keepsSize = call.int("keepdims", default: 1) != 0
        var result = try reduced(call, shape, over: [axis], keepsSize: keepsSize)
        result.type = OnnxType.int64
        return [result]
    }

    private static func reduced(
        _ call: OperatorCall,
        _ shape: [SymbolicSize?],
        over axes: Set<Int>,
        keepsSize: Bool
    ) throws(RowFault) -> TensorFacts {
        let input = try call.input(0)
        let kept = shape.indices.filter { keepsSize || !axes.contains($0) }
        let sizes = kept.map { axes.contains($0) ? .one : shape[$0] }
        var result = TensorFacts(type: input.type, shape: sizes)
        if let padding = input.padding {
            // Zeros add nothing to a sum of integers, however many there are.
            guard axes.contains(padding.axis), call.node.type == "ReduceSum",
                padding.value == .number(0), OnnxType.integers.contains(input.type)
            else { throw padding.fault }
        }
        guard var rows = input.rowAxis else { return result }
        guard let axis = kept.firstIndex(of: rows.axis), !axes.contains(rows.axis) else {
            result.rows = .mixed(RowFault("reduces over the rows"))
            return result
        }
        rows.axis = axis
        result.rows = .apart(rows)
        return result
    }

    /// Operators that work along one dimension and keep the shape.
    static func along(axis attribute: ExactString, default value: Int64) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let input = try call.input(0)
            let shape = try call.shape(0)
            let axis = try normalized(call.int(attribute, default: value), rank: shape.count)
            guard input.rowAxis?.axis != axis else { return [across(input)] }
            return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
        }
    }

    private static func across(_ input: TensorFacts) -> TensorFacts {
        var result = TensorFacts(type: input.type, shape: input.shape)
        result.rows = .mixed(RowFault("works across the rows"))
        return result
    }

    /// Softmax and its kin: before version 13 all dimensions from the axis on are one.
    static func softmax(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        let isOld = call.version < 13
        let axis = try normalized(call.int("axis", default: isOld ? 1 : -1), rank: shape.count)
        if let rows = input.rowAxis, isOld ? rows.axis >= axis : rows.axis == axis {
            return [across(input)]
        }
        return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
    }

    static func cumulative(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard let axis = try call.constants(1)?.first else {
            throw RowFault("works along a dimension that is not known")
        }
        guard input.rowAxis?.axis != (try normalized(axis, rank: shape.count)) else {
            return [across(input)]
        }
        return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
    }

    static func topK(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        let axis = try normalized(call.int("axis", default: -1), rank: shape.count)
        if input.rowAxis?.axis == axis { throw RowFault("sorts across the rows") }
        var values = TensorFacts(type: input.type, shape: shape, rows: input.rows)
        let given =
            call.version < 10
            ? call.int("k").map { SymbolicSize($0) } : try call.sizes(1)?.first ?? nil
        values.shape?[axis] = given ?? call.freshSize(atMost: call.bound(shape[axis]))
        var indices = values
        indices.type = OnnxType.int64
        return [values, indices]
    }

    /// LayerNormalization and its kin: normalise over the dimensions from an axis on.
    static func layerNormalization(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        let axis = try normalized(call.int("axis", default: -1), rank: shape.count)
        try requireParameters(call, 1..<call.inputs.count, normalizedFrom: axis, rank: shape.count)
        if let rows = input.rowAxis, rows.axis >= axis { throw RowFault("normalises the rows") }
        var statistics = TensorFacts(type: input.type, rows: input.rows)
        statistics.shape = shape[..<axis] + shape[axis...].map { _ in .one }
        let output = TensorFacts(type: input.type, shape: shape, rows: input.rows)
        return [output, statistics, statistics]
    }

    /// Parameters lie along the normalised dimensions only.
    private static func requireParameters(
        _ call: OperatorCall,
        _ indices: Range<Int>,
        normalizedFrom axis: Int,
        rank: Int
    ) throws(RowFault) {
        try call.requireSame(indices)
        for index in indices {
            guard let facts = call.optionalInput(index) else { continue }
            guard let count = facts.rank, count <= rank - axis else {
                throw RowFault("takes a parameter of unknown rank")
            }
        }
    }

    /// SkipLayerNormalization: adds a tensor of the same rows, or a constant, first.
    static func skipNormalization(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let pair = [try call.input(0), try call.input(1)]
        var result = try ElementwiseRules.broadcast(pair, in: &call)
        result.type = pair[0].type
        let rank = result.rank ?? 0
        try requireParameters(call, 2..<call.inputs.count, normalizedFrom: rank - 1, rank: rank)
        if let rows = result.rowAxis, rows.axis == rank - 1 {
            throw RowFault("normalises the rows")
        }
        let statistics = TensorFacts(
            type: result.type,
            shape: nil,
            rows: .mixed(RowFault("has statistics that are not followed"))
        )
        return [result, statistics, statistics, result]
    }

    /// MeanVarianceNormalization: its default axes are those of a batch of images, batch included.
    static func meanVariance(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        for axis in try call.ints("axes") ?? [0, 2, 3] {
            guard input.rowAxis?.axis != (try normalized(axis, rank: shape.count)) else {
                return [across(input)]
            }
        }
        return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
    }
}
