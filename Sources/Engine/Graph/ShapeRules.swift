internal import Text

/// Rules of operators that make tensors of sizes and constants.
enum ShapeRules {
    static func constant(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let attributes = call.node.attributes
        guard attributes.count == 1, let (name, value) = attributes.first else {
            throw RowFault("has no single value")
        }
        let count = SymbolicSize(Int64(value.count))
        switch name {
        case "value": return [value.tensor?.facts ?? TensorFacts()]
        case "value_int":
            let numbers = [value.int.map { SymbolicSize($0) }]
            return [TensorFacts(type: OnnxType.int64, shape: [], numbers: numbers)]
        case "value_ints":
            let numbers = value.isComplete ? value.ints.map { Optional(SymbolicSize($0)) } : nil
            return [TensorFacts(type: OnnxType.int64, shape: [count], numbers: numbers)]
        case "value_float":
            let reals = value.real.map { [Double($0)] }
            return [TensorFacts(type: OnnxType.float, shape: [], reals: reals)]
        case "value_floats":
            let reals = value.isComplete ? value.reals : nil
            return [TensorFacts(type: OnnxType.float, shape: [count], reals: reals)]
        case "value_string":
            return [TensorFacts(type: OnnxType.string, shape: [], text: value.text)]
        case "value_strings": return [TensorFacts(type: OnnxType.string, shape: [count])]
        default: return [TensorFacts()]
        }
    }

    static func shape(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let sizes = try call.shape(0)
        let cut = SelectionRules.Cut(
            start: SymbolicSize(call.int("start", default: 0)),
            end: SymbolicSize(call.int("end", default: Int64(sizes.count))),
            step: 1
        )
        guard let range = SelectionRules.range(cut, of: SymbolicSize(Int64(sizes.count))) else {
            throw RowFault("takes unknown dimensions")
        }
        return [numbers(Array(sizes[range]), [SymbolicSize(Int64(range.count))], try call.input(0))]
    }

    static func size(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        [numbers([SymbolicSize.product(try call.shape(0))], [], try call.input(0))]
    }

    /// Sizes as data: those that hold the number of rows are not the same for every number.
    private static func numbers(
        _ sizes: [SymbolicSize?],
        _ shape: [SymbolicSize?],
        _ input: TensorFacts
    ) -> TensorFacts {
        var facts = TensorFacts(type: OnnxType.int64, shape: shape, numbers: sizes)
        guard !sizes.allSatisfy({ $0?.isFixed == true }) else { return facts }
        facts.rows = .mixed(input.padding?.fault ?? RowFault("gives the number of rows as a value"))
        return facts
    }

    static func constantOfShape(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let value = call.node.attributes["value"]?.tensor
        var result = TensorFacts(type: value?.type ?? OnnxType.float)
        guard let sizes = try call.sizes(0) else { return [result] }
        result.shape = sizes
        let open = sizes.indices.filter { sizes[$0]?.isFixed != true }
        if let axis = open.first {
            guard open.count == 1, sizes[axis] != nil else {
                throw RowFault("makes a tensor of unknown size")
            }
            result.rows = .apart(RowAxis(axis: axis))
        } else if case .number(let number) = value?.facts.onlyValue,
            let count = SymbolicSize.product(sizes)?.number,
            (0...Int64(GraphLimits.maxKeptValues)).contains(count)
        {
            result.numbers = [SymbolicSize?](repeating: SymbolicSize(number), count: Int(count))
        }
        return [result]
    }

    /// An upper bound of the elements of a Range: start, limit, step.
    private static func bound(
        ofRange numbers: [SymbolicSize?],
        in call: OperatorCall
    ) -> SizeBound? {
        guard let start = numbers[0], let limit = numbers[1], let step = numbers[2]?.number,
            step != 0
        else { return nil }
        let (low, high) = step > 0 ? (start, limit) : (limit, start)
        // Only a constant may be negative.
        let below = low.number.map { $0 < 0 ? $0.magnitude : 0 } ?? (low.factor >= 0 ? 0 : nil)
        let isNegative = (high.number ?? 0) < 0
        guard let below, let above = isNegative ? SizeBound(0) : call.bound(high) else {
            return nil
        }
        // The quotient is rounded up.
        return above.plus(SizeBound(Double(below)))?.scaled(by: 1 / Double(step.magnitude))
            .plus(SizeBound(step.magnitude == 1 ? 0 : 1))
    }

    static func range(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        var result = TensorFacts(type: try call.input(0).type)
        var bounds: [SymbolicSize?] = []
        for index in 0..<3 { bounds.append(try call.sizes(index)?.first ?? nil) }
        guard let start = bounds[0], let limit = bounds[1], bounds[2]?.number == 1 else {
            let isFixed =
                call.inputs.allSatisfy { $0?.isSame ?? true }
                && bounds.allSatisfy { $0?.isFixed ?? true }
            guard isFixed else { throw RowFault("counts to a number that depends on the rows") }
            result.shape = [call.freshSize(atMost: bound(ofRange: bounds, in: call))]
            return [result]
        }
        guard start.isFixed, limit.isFixed else {
            result.shape = [start == SymbolicSize(0) ? limit : nil]
            result.rows = .mixed(RowFault("numbers the rows"))
            return [result]
        }
        if start == SymbolicSize(0), limit.number == nil {
            result.shape = [limit]
            return [result]
        }
        guard let first = start.number, let last = limit.number,
            (-Int64(Int32.max)...Int64(Int32.max)).contains(first),
            last >= first, last <= Int64(Int32.max)
        else {
            result.shape = [call.freshSize(atMost: bound(ofRange: bounds, in: call))]
            return [result]
        }
        result.shape = [SymbolicSize(last - first)]
        if last - first <= Int64(GraphLimits.maxKeptValues) {
            result.numbers = (first..<last).map { SymbolicSize($0) }
        }
        return [result]
    }
}
