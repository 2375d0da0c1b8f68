internal import Text

/// Rules of operators that move elements and keep all of them.
enum LayoutRules {
    static func transpose(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        var facts = try call.input(0)
        let shape = try call.shape(0)
        let order = try call.ints("perm") ?? shape.indices.reversed().map(Int64.init)
        guard order.count == shape.count,
            Set(order) == Set(shape.indices.map(Int64.init))
        else { throw RowFault("has no permutation of the dimensions") }
        facts.shape = order.map { shape[Int($0)] }
        func moved(_ axis: Int) -> Int { order.firstIndex(of: Int64(axis)) ?? axis }
        if var rows = facts.rowAxis {
            rows.axis = moved(rows.axis)
            facts.rows = .apart(rows)
        }
        if let padding = facts.padding { facts.padding?.axis = moved(padding.axis) }
        facts.forgetValues()
        return [facts]
    }

    static func reshape(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard let target = try target(of: call) else {
            throw RowFault("takes a shape that is not known")
        }
        let keepsZero = call.int("allowzero", default: 0) != 0
        var sizes: [SymbolicSize?] = []
        var open: Int?
        for (place, size) in target.enumerated() {
            switch size?.number {
            case 0 where !keepsZero: sizes.append(place < shape.count ? shape[place] : nil)
            case -1:
                open = place
                sizes.append(.one)
            case nil where !keepsZero && call.separatesInputs && place < shape.count:
                sizes.append(size.flatMap { copied($0, or: shape[place], in: call) })
            default: sizes.append(size)
            }
        }
        guard sizes.allSatisfy({ $0.map { $0.factor >= 0 } ?? true }) else {
            throw RowFault("takes a shape that may be negative")
        }
        if let open { sizes[open] = rest(of: shape, besides: sizes, in: &call) }
        return [try regrouped(input, as: sizes)]
    }

    /// A size of a request that a Reshape takes from its second input. Where it is 0, the operator
    /// copies the size that the dimension has.
    private static func copied(
        _ size: SymbolicSize,
        or other: SymbolicSize?,
        in call: OperatorCall
    ) -> SymbolicSize {
        if let other {
            // The other is then 0 as well, or at most the bound of this one.
            let isZeroToo = other.factor == 0 || other.divided(by: size.primitive) != nil
            let isBounded =
                size.divided(by: other.primitive) != nil && other.number == nil
                && other.factor <= size.factor && call.symbols.areFree(in: size)
            if isZeroToo || isBounded { return size }
        }
        return call.freshSize(atMost: call.bound(joining: size, other))
    }

    /// The size that a -1 stands for, all others being known.
    private static func rest(
        of shape: [SymbolicSize?],
        besides sizes: [SymbolicSize?],
        in call: inout OperatorCall
    ) -> SymbolicSize? {
        guard let whole = SymbolicSize.product(shape), let others = SymbolicSize.product(sizes)
        else { return nil }
        if let exact = whole.divided(by: others) { return exact }
        guard whole.rowPower == others.rowPower else { return nil }
        // The others are at least 1: otherwise the operator fails.
        let divisor = Double(max(others.factor, 1))
        return call.freshSize(atMost: call.bound(whole)?.scaled(by: 1 / divisor))
    }

    private static func target(of call: OperatorCall) throws(RowFault) -> [SymbolicSize?]? {
        if call.version < 5 { return try call.ints("shape")?.map { SymbolicSize($0) } }
        return try call.sizes(1)
    }

    static func flatten(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        let axis = call.int("axis", default: 1)
        let place =
            axis == Int64(shape.count) ? shape.count : try normalized(axis, rank: shape.count)
        let sizes = [shape[..<place], shape[place...]].map { SymbolicSize.product($0) }
        return [try regrouped(input, as: sizes)]
    }

    static func squeeze(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        var axes = try call.list(input: 1, attribute: "axes", inputSince: 13)
        // ONNX Runtime takes an empty list for none.
        if axes?.isEmpty == true { axes = nil }
        var removed: Set<Int> = []
        for axis in axes ?? [] { removed.insert(try normalized(axis, rank: shape.count)) }
        if axes == nil {
            guard shape.allSatisfy({ $0?.number != nil }) else {
                throw RowFault("removes whichever dimensions have the size 1")
            }
            removed = Set(shape.indices.filter { isOne(shape[$0]) })
        }
        if let rows = input.rowAxis, removed.contains(rows.axis) {
            throw RowFault("removes the dimension of the rows")
        }
        if let padding = input.padding, removed.contains(padding.axis) { throw padding.fault }
        return [remapped(input, shape.indices.filter { !removed.contains($0) })]
    }

    static func unsqueeze(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard let axes = try call.list(input: 1, attribute: "axes", inputSince: 13) else {
            throw RowFault("lacks axes")
        }
        var added: Set<Int> = []
        for axis in axes {
            added.insert(try normalized(axis, rank: shape.count + axes.count))
        }
        guard added.count == axes.count else { throw RowFault("names one axis twice") }
        var rest = shape.indices.makeIterator()
        let places = (0..<shape.count + axes.count).map { added.contains($0) ? nil : rest.next() }
        return [remapped(input, places)]
    }

    /// A tensor of these dimensions of another, nil being one of size 1.
    private static func remapped(_ facts: TensorFacts, _ places: [Int?]) -> TensorFacts {
        var result = facts
        let shape = facts.shape ?? []
        result.shape = places.map { $0.map { shape[$0] } ?? .one }
        if var rows = facts.rowAxis, let axis = places.firstIndex(of: rows.axis) {
            rows.axis = axis
            result.rows = .apart(rows)
        }
        if let padding = facts.padding {
            result.padding?.axis = places.firstIndex(of: padding.axis) ?? padding.axis
        }
        return result
    }

    /// The same elements in the same row-major order, in other dimensions.
    ///
    /// The number of elements is the same. So the rows stay apart if the elements before them are
    /// as many as before: those of the new dimensions before, times a part of the new dimension
    /// that holds the rows, which then is (outer, row, inner) again.
    static func regrouped(
        _ input: TensorFacts,
        as sizes: [SymbolicSize?]
    ) throws(RowFault) -> TensorFacts {
        guard sizes.count <= GraphLimits.maxRank else { throw RowFault("has too many dimensions") }
        var result = TensorFacts(type: input.type, shape: sizes)
        guard let rows = input.rowAxis, let shape = input.shape else { return result }
        let holders = sizes.indices.filter { sizes[$0]?.isFixed != true }
        guard holders.count == 1, !shape.contains(nil),
            let size = sizes[holders[0]],
            let before = SymbolicSize.product(shape[..<rows.axis])?.times(rows.outer),
            let newBefore = SymbolicSize.product(sizes[..<holders[0]]),
            let outer = before.divided(by: newBefore),
            let block = outer.times(.rowCount),
            size.divided(by: block) != nil
        else {
            result.rows = .mixed(RowFault("does not keep the rows apart"))
            return result
        }
        result.rows = .apart(RowAxis(axis: holders[0], outer: outer))
        return result
    }

    static func depthToSpace(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard shape.count == 4 else { throw RowFault("takes 4 dimensions") }
        try SpatialRules.requireLeadingRows(input)
        let block = call.int("blocksize", default: 0)
        guard (1...Int64(Int16.max)).contains(block) else {
            throw RowFault("has no size of a block")
        }
        let isToDepth = call.node.type == "SpaceToDepth"
        let side = Double(block)
        func resized(_ size: SymbolicSize?, by factor: Double) -> SymbolicSize {
            call.freshSize(atMost: call.bound(size)?.scaled(by: factor))
        }
        let sides = shape[2...].map { Optional(resized($0, by: isToDepth ? 1 / side : side)) }
        let depth = resized(shape[1], by: isToDepth ? side * side : 1 / (side * side))
        return [TensorFacts(type: input.type, shape: [shape[0], depth] + sides, rows: input.rows)]
    }

    /// ReverseSequence: each row is reversed by its own length.
    static func reverseSequence(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        let batch = try normalized(call.int("batch_axis", default: 1), rank: shape.count)
        let time = try normalized(call.int("time_axis", default: 0), rank: shape.count)
        let lengths = try call.input(1)
        if let rows = input.rowAxis {
            guard rows.axis != time, rows.axis == batch, rows.outer == .one,
                lengths.rows == .apart(RowAxis(axis: 0)), lengths.shape == [shape[batch]]
            else { throw RowFault("reverses across the rows") }
        } else if !lengths.isSame {
            throw RowFault("reverses a constant by the rows")
        }
        return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
    }

    /// Operators on the last dimensions, such as matrices, that keep the shape.
    static func keeping(last count: Int) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let input = try call.input(0)
            let shape = try call.shape(0)
            try call.requireSame(call.inputs.indices.dropFirst())
            if let rows = input.rowAxis, rows.axis >= shape.count - count {
                throw RowFault("works across the rows")
            }
            return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
        }
    }
}
