internal import Text

/// The arithmetic of known integers: what exporters compute shapes with.
enum KnownNumbers {
    typealias Computation =
        @Sendable (OperatorCall, TensorFacts) throws(RowFault) -> [SymbolicSize?]?

    /// The elements of an operator's first output; nil if they are not known.
    ///
    /// - Parameter result: The output's facts, with its shape.
    static func elements(
        of result: TensorFacts,
        by call: OperatorCall
    ) throws(RowFault) -> [SymbolicSize?]? {
        let types = [OnnxType.int64, OnnxType.int32, OnnxType.bool]
        guard call.node.domain == "", types.contains(result.type),
            let computation = computations[call.node.type],
            call.inputs.contains(where: { $0?.numbers != nil })
        else { return nil }
        let numbers = try computation(call, result)
        guard let numbers, numbers.count <= GraphLimits.maxKeptValues else { return nil }
        return numbers
    }

    private static let computations: [ExactString: Computation] = [
        "Identity": same, "Squeeze": same, "Unsqueeze": same, "Reshape": same, "Flatten": same,
        "Cast": cast, "Gather": gather, "Slice": slice, "Concat": concat,
        "Add": binary { call, left, right in left.plus(right) ?? sum(left, right, in: call) },
        "Sub": binary { _, left, right in right.negated.flatMap { left.plus($0) } },
        "Mul": binary { _, left, right in left.times(right) },
        "Div": binary(quotient),
        "Mod": binary(remainder),
        "Equal": binary { _, left, right in equality(left, right) }, "Where": choose,
        "ReduceProd": product,
        "Neg": { (call, _) throws(RowFault) in call.inputs.first??.numbers?.map { $0?.negated } },
        "Max": binary { call, left, right in larger(left, right, in: call) },
        "Min": binary { call, left, right in smaller(left, right, in: call) },
    ]

    private static func same(_ call: OperatorCall, _: TensorFacts) -> [SymbolicSize?]? {
        call.inputs.first??.numbers
    }

    private static func cast(_ call: OperatorCall, _ result: TensorFacts) -> [SymbolicSize?]? {
        let kept = [OnnxType.int64, OnnxType.int32]
        guard let type = call.inputs.first??.type, kept.contains(result.type),
            kept.contains(type) || type == OnnxType.bool
        else { return nil }
        guard result.type == OnnxType.int32 else { return call.inputs.first??.numbers }
        return call.inputs.first??.numbers?.map { $0?.fitsIn32Bits == true ? $0 : nil }
    }

    private static func gather(
        _ call: OperatorCall,
        _: TensorFacts
    ) throws(RowFault) -> [SymbolicSize?]? {
        guard let data = call.optionalInput(0), data.rank == 1, let numbers = data.numbers,
            call.optionalInput(1)?.numbers != nil, let indices = try call.constants(1)
        else { return nil }
        var picked: [SymbolicSize?] = []
        for index in indices {
            picked.append(numbers[try normalized(index, rank: numbers.count)])
        }
        return picked
    }

    private static func slice(
        _ call: OperatorCall,
        _: TensorFacts
    ) throws(RowFault) -> [SymbolicSize?]? {
        guard let data = call.optionalInput(0), data.rank == 1, let numbers = data.numbers,
            let cut = try SelectionRules.cuts(of: call, rank: 1)[0],
            let range = SelectionRules.range(cut, of: SymbolicSize(Int64(numbers.count)))
        else { return nil }
        return Array(numbers[range])
    }

    private static func concat(_ call: OperatorCall, _: TensorFacts) -> [SymbolicSize?]? {
        var joined: [SymbolicSize?] = []
        for input in call.inputs {
            guard let input, input.rank == 1, let numbers = input.numbers else { return nil }
            joined += numbers
            guard joined.count <= GraphLimits.maxKeptValues else { return nil }
        }
        return joined
    }

    /// Two lists of one length, or a list and a single number.
    private static func binary(
        _ compute:
            @escaping @Sendable (OperatorCall, SymbolicSize, SymbolicSize) -> SymbolicSize?
    ) -> Computation {
        { (call, _) throws(RowFault) in
            guard call.inputs.count == 2, let left = call.inputs[0]?.numbers,
                let right = call.inputs[1]?.numbers, (call.inputs[0]?.rank ?? 2) <= 1,
                (call.inputs[1]?.rank ?? 2) <= 1
            else { return nil }
            // Of 32 bits only what cannot overflow is kept.
            let isNarrow = call.inputs[0]?.type != OnnxType.int64
            let count = left.count == 1 ? right.count : left.count
            guard right.count == count || right.count == 1 else { return nil }
            return (0..<count).map { index in
                guard let one = left[left.count == 1 ? 0 : index],
                    let other = right[right.count == 1 ? 0 : index]
                else { return nil }
                let number = compute(call, one, other)
                return isNarrow && number?.fitsIn32Bits != true ? nil : number
            }
        }
    }

    private static func quotient(
        _ call: OperatorCall,
        _ left: SymbolicSize,
        _ right: SymbolicSize
    ) -> SymbolicSize? {
        if let exact = left.divided(by: right) { return exact }
        guard let divisor = right.number, divisor > 0 else { return nil }
        if let number = left.number { return SymbolicSize(number / divisor) }
        return derived(call, left, right, atMost: call.bound(left)?.scaled(by: 1 / Double(divisor)))
    }

    private static func remainder(
        _ call: OperatorCall,
        _ left: SymbolicSize,
        _ right: SymbolicSize
    ) -> SymbolicSize? {
        guard let divisor = right.number, divisor > 0 else { return nil }
        guard let number = left.number else {
            return derived(call, left, right, atMost: SizeBound(Double(divisor - 1)))
        }
        return number >= 0 ? SymbolicSize(number % divisor) : nil
    }

    private static func sum(
        _ left: SymbolicSize,
        _ right: SymbolicSize,
        in call: OperatorCall
    ) -> SymbolicSize? {
        derived(call, left, right, atMost: call.bound(sumOf: [left, right]))
    }

    /// A number that is not negative, from two that are not.
    private static func derived(
        _ call: OperatorCall,
        _ left: SymbolicSize,
        _ right: SymbolicSize,
        atMost bound: SizeBound?
    ) -> SymbolicSize? {
        // Of 32 bits no sum is known not to overflow.
        guard call.inputs.first??.type == OnnxType.int64, left.isFixed, right.isFixed,
            left.factor >= 0, right.factor >= 0
        else { return nil }
        return call.freshSize(atMost: bound)
    }

    /// 1 or 0. No size equals a negative number.
    private static func equality(_ left: SymbolicSize, _ right: SymbolicSize) -> SymbolicSize? {
        if left == right { return .one }
        let isDecided = left.number != nil && right.number != nil
        let isNegative = [left, right].contains { ($0.number ?? 0) < 0 }
        let isPositive = [left, right].contains { $0.factor > 0 && $0.number == nil }
        return isDecided || (isNegative && isPositive) ? SymbolicSize(0) : nil
    }

    private static func larger(
        _ left: SymbolicSize,
        _ right: SymbolicSize,
        in call: OperatorCall
    ) -> SymbolicSize? {
        if left == right { return left }
        if let one = left.number, let other = right.number { return SymbolicSize(max(one, other)) }
        return derived(call, left, right, atMost: call.bound(joining: left, right))
    }

    private static func smaller(
        _ left: SymbolicSize,
        _ right: SymbolicSize,
        in call: OperatorCall
    ) -> SymbolicSize? {
        if left == right { return left }
        if let one = left.number, let other = right.number { return SymbolicSize(min(one, other)) }
        let size = left.number == nil ? left : right
        return derived(call, left, right, atMost: call.bound(size))
    }

    private static func choose(_ call: OperatorCall, _: TensorFacts) -> [SymbolicSize?]? {
        guard call.inputs.count == 3, let conditions = call.inputs[0]?.numbers,
            let yes = call.inputs[1]?.numbers, let no = call.inputs[2]?.numbers,
            yes.count == conditions.count, no.count == conditions.count,
            call.inputs.allSatisfy({ $0?.rank == 1 })
        else { return nil }
        return conditions.indices.map { index in
            guard let condition = conditions[index]?.number else { return nil }
            return condition != 0 ? yes[index] : no[index]
        }
    }

    private static func product(_ call: OperatorCall, _ result: TensorFacts) -> [SymbolicSize?]? {
        guard let numbers = call.inputs.first??.numbers, call.inputs.first??.rank == 1,
            result.shape.map({ $0.allSatisfy(isOne) }) ?? false
        else { return nil }
        return [SymbolicSize.product(numbers)]
    }
}
