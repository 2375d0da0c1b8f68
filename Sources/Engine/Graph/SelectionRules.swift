internal import Text

/// Rules of operators that select elements by their index.
enum SelectionRules {
    /// One dimension's part of a Slice.
    struct Cut {
        var start: SymbolicSize?
        var end: SymbolicSize?
        var step: Int64?

        /// Whether it keeps a dimension of that size as it is.
        func keeps(_ size: SymbolicSize?) -> Bool {
            guard start == SymbolicSize(0), step == 1, let end else { return false }
            // Exporters write the largest number of 32 or 64 bits for "to the end".
            return end == size || (end.number ?? 0) >= Int64(Int32.max)
        }
    }

    static func slice(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        var facts = try call.input(0)
        let shape = try call.shape(0)
        facts.forgetValues()
        for (axis, cut) in try cuts(of: call, rank: shape.count) {
            if let padding = facts.padding, padding.axis == axis {
                facts.padding = try RaggedRule.padding(padding, sliced: cut)
                facts.shape?[axis] = facts.padding == nil ? cut.end : nil
                continue
            }
            guard !cut.keeps(shape[axis]) else { continue }
            guard facts.rowAxis?.axis != axis else { throw RowFault("cuts out some of the rows") }
            facts.shape?[axis] = size(after: cut, of: shape[axis], in: &call)
        }
        return [facts]
    }

    /// The cuts by dimension.
    static func cuts(of call: OperatorCall, rank: Int) throws(RowFault) -> [Int: Cut] {
        let isOld = call.version < 10
        let starts =
            isOld ? try call.ints("starts")?.map { SymbolicSize($0) } : try call.sizes(1)
        let ends = isOld ? try call.ints("ends")?.map { SymbolicSize($0) } : try call.sizes(2)
        let given = isOld ? try call.ints("axes") : try call.constants(3)
        if !isOld, call.optionalInput(3) != nil, given == nil {
            throw RowFault("slices dimensions that are not known")
        }
        let steps = isOld ? nil : try call.constants(4)
        let hasSteps = !isOld && call.optionalInput(4) != nil
        guard let count = given?.count ?? starts?.count ?? ends?.count else {
            throw RowFault("slices dimensions that are not known")
        }
        var cuts: [Int: Cut] = [:]
        for index in 0..<count {
            let axis = try normalized(given?[index] ?? Int64(index), rank: rank)
            let isKnown = steps.map { index < $0.count } ?? false
            cuts[axis] = Cut(
                start: starts.flatMap { index < $0.count ? $0[index] : nil },
                end: ends.flatMap { index < $0.count ? $0[index] : nil },
                step: hasSteps ? (isKnown ? steps?[index] : nil) : 1
            )
        }
        return cuts
    }

    private static func size(
        after cut: Cut,
        of size: SymbolicSize?,
        in call: inout OperatorCall
    ) -> SymbolicSize? {
        guard let size, size.isFixed else { return nil }
        if let kept = range(cut, of: size) { return SymbolicSize(Int64(kept.count)) }
        let isFixed = [cut.start, cut.end].allSatisfy { $0?.isFixed ?? true }
        return isFixed ? call.freshSize(atMost: bound(of: cut, of: size, in: call)) : nil
    }

    /// An upper bound of the elements that a cut keeps.
    private static func bound(
        of cut: Cut,
        of size: SymbolicSize,
        in call: OperatorCall
    ) -> SizeBound? {
        let whole = call.bound(size)
        guard let step = cut.step, step >= 1, let start = cut.start?.number, let end = cut.end
        else {
            return whole
        }
        // From a place to a size of the request: no more than that size.
        if start >= 0, end.number == nil, end.factor == 1 { return call.bound(end) ?? whole }
        let endless = Int64(Int32.max)
        switch (start, end.number) {
        case (0..., let end?) where end >= 0 && end < endless:
            return SizeBound(Double(max(end - start, 0)))
        case (-endless..<0, let end?) where end < 0 && end > -endless:
            return SizeBound(Double(max(end - start, 0)))
        case (-endless..<0, let end?) where end >= endless: return SizeBound(Double(-start))
        default: return whole
        }
    }

    /// The elements that a cut keeps of a dimension of constant size; nil if that is not known.
    static func range(_ cut: Cut, of size: SymbolicSize) -> Range<Int>? {
        guard let size = size.number, let start = cut.start?.number, let end = cut.end?.number,
            cut.step == 1, (0...Int64(Int32.max)).contains(size)
        else { return nil }
        func place(_ value: Int64) -> Int {
            Int(min(max(value < 0 ? value + size : value, 0), size))
        }
        return place(start)..<max(place(start), place(end))
    }

    // MARK: Gather and Scatter

    static func gather(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let (data, indices) = (try call.input(0), try call.input(1))
        let (shape, picked) = (try call.shape(0), try call.shape(1))
        let axis = try normalized(call.int("axis", default: 0), rank: shape.count)
        let sizes = Array(shape[..<axis]) + picked + Array(shape[(axis + 1)...])
        var result = TensorFacts(type: data.type, shape: sizes)
        if var rows = indices.rowAxis {
            guard data.isSame else { throw RowFault("looks rows up in rows") }
            rows.axis += axis
            result.rows = .apart(rows)
        } else if var rows = data.rowAxis {
            guard rows.axis != axis else {
                result.rows = .mixed(RowFault("picks rows by their index"))
                return [result]
            }
            if rows.axis > axis { rows.axis += picked.count - 1 }
            result.rows = .apart(rows)
        }
        return [result]
    }

    /// GatherElements, and ScatterElements with the updates as a third input.
    static func elements(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let data = try call.input(0)
        let indices = try call.input(1)
        let shape = try call.shape(0)
        let axis = try normalized(call.int("axis", default: 0), rank: shape.count)
        let isScatter = call.inputs.count > 2
        var result = TensorFacts(type: data.type, shape: isScatter ? shape : indices.shape)
        let rowInputs = call.inputs.compactMap(\.self)
        guard rowInputs.contains(where: { !$0.isSame }) else { return [result] }
        guard let rows = indices.rowAxis, let size = indices.shape?[rows.axis] else {
            throw RowFault("picks rows by their index")
        }
        // Along the axis itself each index is looked up by itself in a constant.
        if !isScatter, data.isSame, rows.axis == axis {
            result.rows = indices.rows
            return [result]
        }
        guard rows.axis != axis,
            rowInputs.allSatisfy({ $0.rows == indices.rows && $0.shape?[rows.axis] == size })
        else { throw RowFault("picks elements of other rows") }
        result.rows = indices.rows
        return [result]
    }

    static func gatherND(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let (data, indices) = (try call.input(0), try call.input(1))
        let (shape, picked) = (try call.shape(0), try call.shape(1))
        let batch = Int(clamping: call.int("batch_dims", default: 0))
        guard let depth = picked.last??.number, depth >= 1,
            (0...shape.count).contains(batch), depth <= Int64(shape.count - batch)
        else { throw RowFault("picks by indices of unknown length") }
        let sizes = picked.dropLast() + shape[(batch + Int(depth))...]
        var result = TensorFacts(type: data.type, shape: Array(sizes))
        guard let rows = indices.rowAxis else {
            guard data.isSame else { throw RowFault("picks rows by their index") }
            return [result]
        }
        let isBatched =
            rows.axis < batch && data.rows == indices.rows
            && shape[rows.axis] == picked[rows.axis]
        guard isBatched || (data.isSame && rows.axis >= batch && rows.axis < picked.count - 1)
        else { throw RowFault("picks elements of other rows") }
        result.rows = indices.rows
        return [result]
    }

    static func oneHot(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let indices = try call.input(0)
        var shape = try call.shape(0)
        try call.requireSame(1..<3)
        let axis = try normalized(call.int("axis", default: -1), rank: shape.count + 1)
        let depth = try call.sizes(1)?.first ?? nil
        shape.insert(depth ?? call.freshSize(), at: axis)
        var result = TensorFacts(type: call.optionalInput(2)?.type ?? 0, shape: shape)
        result.rows = indices.rows
        if var rows = indices.rowAxis, rows.axis >= axis {
            rows.axis += 1
            result.rows = .apart(rows)
        }
        return [result]
    }

    /// ScatterND: keeps the shape of its data. It writes to rows by their index.
    static func scatterND(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        guard call.inputs.allSatisfy({ $0?.isSame ?? true }) else {
            throw RowFault("writes to rows by their index")
        }
        return [TensorFacts(type: try call.input(0).type, shape: try call.shape(0))]
    }

    // MARK: Sizes that values decide

    /// NonZero: a row for each dimension, a column for each element that is not zero.
    static func nonZero(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        try requireConstant(call)
        let shape = try call.shape(0)
        let count = call.freshSize(atMost: call.symbols.bound(ofProduct: shape))
        // A scalar has one row.
        let rows = SymbolicSize(Int64(max(shape.count, 1)))
        return [TensorFacts(type: OnnxType.int64, shape: [rows, count])]
    }

    /// Compress: as many elements along an axis, or of the whole tensor, as conditions hold.
    static func compress(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        try requireConstant(call)
        let input = try call.input(0)
        var shape = try call.shape(0)
        if let axis = call.int("axis") {
            let place = try normalized(axis, rank: shape.count)
            shape[place] = call.freshSize(atMost: call.bound(shape[place]))
        } else {
            shape = [call.freshSize(atMost: call.symbols.bound(ofProduct: shape))]
        }
        return [TensorFacts(type: input.type, shape: shape)]
    }

    private static func requireConstant(_ call: OperatorCall) throws(RowFault) {
        guard call.inputs.allSatisfy({ $0?.isSame ?? true }) else {
            throw RowFault("gives a number of rows that depends on values")
        }
    }
}
