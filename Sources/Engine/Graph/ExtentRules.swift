internal import Text

/// Rules of operators that repeat, join, cut and pad.
enum ExtentRules {
    static func expand(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard let target = try call.sizes(1) else {
            throw RowFault("takes a shape that is not known")
        }
        let goal = TensorFacts(shape: target)
        guard let rows = input.rowAxis else {
            var result = try ElementwiseRules.broadcast([input, goal], in: &call)
            result.type = input.type
            return [try spread(result, over: shape)]
        }
        let place = target.count - (shape.count - rows.axis)
        if place >= 0, target[place] == shape[rows.axis] {
            var fitting = target
            fitting[place] = .one
            var result = try ElementwiseRules.broadcast(
                [input, TensorFacts(shape: fitting)],
                in: &call
            )
            result.type = input.type
            return [result]
        }
        var result = try ElementwiseRules.broadcast([input, goal], in: &call)
        result.type = input.type
        return [result]
    }

    /// A constant that is repeated once for each row belongs to each.
    private static func spread(
        _ result: TensorFacts,
        over shape: [SymbolicSize?]
    ) throws(RowFault) -> TensorFacts {
        var result = result
        let sizes = result.shape ?? []
        let open = sizes.indices.filter { sizes[$0]?.isFixed != true }
        guard let axis = open.first else { return result }
        let place = axis - (sizes.count - shape.count)
        guard open.count == 1, sizes[axis] != nil, place < 0 || isOne(shape[place]) else {
            throw RowFault("repeats a tensor by the number of rows")
        }
        result.rows = .apart(RowAxis(axis: axis))
        return result
    }

    static func tile(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard call.version >= 6, let repeats = try call.sizes(1), repeats.count == shape.count
        else { throw RowFault("repeats a number of times that is not known") }
        if let rows = input.rowAxis, !isOne(repeats[rows.axis]) {
            throw RowFault("repeats the rows")
        }
        let sizes = zip(shape, repeats).map { size, count in count.flatMap { size?.times($0) } }
        var result = TensorFacts(type: input.type, shape: sizes, rows: input.rows)
        if input.isSame {
            let open = repeats.indices.filter { repeats[$0]?.isFixed != true }
            guard open.count <= 1 else { throw RowFault("repeats by the number of rows twice") }
            if let axis = open.first {
                guard repeats[axis] == .rowCount, shape[axis]?.isFixed == true else {
                    throw RowFault("repeats a tensor by the number of rows")
                }
                result.rows = .apart(RowAxis(axis: axis))
            }
        }
        return [result]
    }

    static func concat(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let shape = try call.shape(0)
        let axis = try normalized(call.int("axis", default: 1), rank: shape.count)
        let parts = call.inputs.compactMap(\.self)
        var result = TensorFacts(type: parts[0].type, shape: shape)
        var total: SymbolicSize? = SymbolicSize(0)
        for part in parts {
            guard let sizes = part.shape, sizes.count == shape.count else {
                throw RowFault("joins a tensor of unknown rank")
            }
            total = sizes[axis].flatMap { total?.plus($0) }
        }
        if total == nil, parts.allSatisfy({ $0.shape?[axis]?.isFixed == true }) {
            total = call.freshSize(atMost: call.bound(sumOf: parts.map { $0.shape?[axis] ?? nil }))
        }
        result.shape?[axis] = total
        // An empty tensor may have other sizes than the rest.
        if call.separatesInputs {
            for place in shape.indices where place != axis {
                result.shape?[place] = largest(parts.map { $0.shape?[place] ?? nil }, in: call)
            }
        }
        guard let first = parts.first(where: { !$0.isSame }), let rows = first.rowAxis else {
            return [result]
        }
        guard rows.axis != axis else {
            result.rows = .mixed(RowFault("joins along the rows"))
            return [result]
        }
        let size = first.shape?[rows.axis]
        guard parts.allSatisfy({ $0.rows == first.rows && $0.shape?[rows.axis] == size }) else {
            throw RowFault("joins tensors whose rows lie on different dimensions")
        }
        result.shape?[rows.axis] = size
        result.rows = .apart(rows)
        return [result]
    }

    private static func largest(_ sizes: [SymbolicSize?], in call: OperatorCall) -> SymbolicSize? {
        guard let first = sizes.first, sizes.contains(where: { $0 != first }) else {
            return sizes.first ?? nil
        }
        var bound = call.bound(first)
        for size in sizes.dropFirst() {
            bound = call.bound(size).flatMap { bound?.joined($0) }
        }
        return call.freshSize(atMost: bound)
    }

    static func split(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        let axis = try normalized(call.int("axis", default: 0), rank: shape.count)
        if input.rowAxis?.axis == axis { throw RowFault("splits the rows") }
        let sizes =
            call.version >= 13
            ? try call.sizes(1) : try call.ints("split")?.map { SymbolicSize($0) }
        let count = Int64(call.outputCount)
        let isEven = sizes == nil && call.optionalInput(1) == nil
        var outputs: [TensorFacts] = []
        for index in 0..<call.outputCount {
            var output = TensorFacts(type: input.type, shape: shape, rows: input.rows)
            if let sizes, index < sizes.count {
                output.shape?[axis] = sizes[index]
            } else if isEven, let even = shape[axis]?.divided(by: SymbolicSize(count)) {
                output.shape?[axis] = even
            } else {
                output.shape?[axis] =
                    shape[axis]?.isFixed == true
                    ? call.freshSize(atMost: call.bound(shape[axis])) : nil
            }
            outputs.append(output)
        }
        return outputs
    }

    static func pad(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        let shape = try call.shape(0)
        guard let pads = try pads(of: call, rank: shape.count) else {
            throw RowFault("pads by a number that is not known")
        }
        var result = TensorFacts(type: input.type, shape: shape, rows: input.rows)
        for axis in shape.indices where pads.before[axis] != 0 || pads.after[axis] != 0 {
            if input.rowAxis?.axis == axis { throw RowFault("pads the rows") }
            let (added, overflow) = pads.before[axis].addingReportingOverflow(pads.after[axis])
            guard !overflow, let size = shape[axis] else {
                result.shape?[axis] = nil
                continue
            }
            result.shape?[axis] =
                size.number == nil
                ? (size.isFixed ? call.freshSize(atMost: call.bound(size, plus: added)) : nil)
                : size.plus(SymbolicSize(added))
        }
        if let padding = input.padding {
            result.padding = try RaggedRule.padding(padding, padded: pads, by: call)
        }
        return [result]
    }

    /// The elements that are added to each dimension.
    struct Pads {
        var before: [Int64]
        var after: [Int64]
        var value: KnownValue?
        var isConstant: Bool
    }

    private static func pads(of call: OperatorCall, rank: Int) throws(RowFault) -> Pads? {
        let isOld = call.version < 11
        let given = isOld ? try call.ints("pads") : try call.constants(1)
        guard let given else { return nil }
        let axes = isOld || call.optionalInput(3) == nil ? nil : try call.constants(3)
        if !isOld, call.optionalInput(3) != nil, axes == nil { return nil }
        let places = axes ?? (0..<Int64(rank)).map { $0 }
        guard given.count == 2 * places.count else { return nil }
        var pads = Pads(
            before: [Int64](repeating: 0, count: rank),
            after: [Int64](repeating: 0, count: rank),
            value: .number(0),
            isConstant: (call.text("mode") ?? "constant") == "constant"
        )
        for (index, axis) in places.enumerated() {
            let place = try normalized(axis, rank: rank)
            pads.before[place] = given[index]
            pads.after[place] = given[index + places.count]
        }
        if isOld, let value = call.node.attributes["value"]?.real {
            pads.value = .real(Double(value))
        }
        if !isOld, let value = call.optionalInput(2) { pads.value = value.onlyValue }
        return pads
    }
}
