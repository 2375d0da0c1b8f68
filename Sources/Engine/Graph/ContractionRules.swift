internal import Text

/// Rules of products of matrices.
enum ContractionRules {
    /// MatMul of two inputs; others are parameters of the whole product.
    static func matMul(_ left: Int, _ right: Int) -> OperatorRule.Transfer {
        { (call) throws(RowFault) in
            let others = call.inputs.indices.filter { $0 != left && $0 != right }
            try requireScales(call, others, rightSide: right)
            return [try product(call.input(left), call.input(right), in: &call)]
        }
    }

    /// FusedMatMul of com.microsoft: either side may be transposed first.
    static func fusedMatMul(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        guard call.int("transBatchA", default: 0) == 0, call.int("transBatchB", default: 0) == 0
        else { throw RowFault("transposes the batch") }
        let left = transposed(try call.input(0), call.int("transA", default: 0) != 0)
        let right = transposed(try call.input(1), call.int("transB", default: 0) != 0)
        return [try product(left, right, in: &call)]
    }

    /// MatMulNBits of com.microsoft: the right side is constant, its columns are an attribute.
    static func matMulNBits(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let input = try call.input(0)
        var shape = try call.shape(0)
        try call.requireSame(1..<call.inputs.count)
        guard let columns = call.int("N"), let rank = input.rank, rank >= 2 else {
            throw RowFault("lacks a number of columns")
        }
        if input.rowAxis?.axis == rank - 1 { throw RowFault("sums over the rows") }
        shape[rank - 1] = SymbolicSize(columns)
        return [TensorFacts(type: input.type, shape: shape, rows: input.rows)]
    }

    /// Scales and zero points are constants: one for the whole tensor, or, where no operand has its
    /// rows there, one for each column of the constant right side.
    private static func requireScales(
        _ call: OperatorCall,
        _ indices: [Int],
        rightSide right: Int
    ) throws(RowFault) {
        try call.requireSame(indices)
        let isRightConstant = try call.input(right).isSame
        // MatMulInteger: a, b, zero point of a, of b. QLinearMatMul: three inputs for each side.
        let ofRight: Set<Int> = right == 1 ? [3] : [right + 1, right + 2]
        for index in indices {
            guard let facts = call.optionalInput(index) else { continue }
            guard let shape = facts.shape else { throw RowFault("takes scales of unknown shape") }
            let isForColumns = ofRight.contains(index) && isRightConstant && shape.count == 1
            guard isForColumns || shape.allSatisfy(isOne) else {
                throw RowFault("may have scales along the rows")
            }
        }
    }

    private static func transposed(_ facts: TensorFacts, _ isTransposed: Bool) -> TensorFacts {
        guard isTransposed, let rank = facts.rank, rank >= 2 else { return facts }
        var result = facts
        result.shape?.swapAt(rank - 1, rank - 2)
        guard var rows = facts.rowAxis, rows.axis >= rank - 2 else { return result }
        rows.axis = rows.axis == rank - 1 ? rank - 2 : rank - 1
        result.rows = .apart(rows)
        return result
    }

    private static func product(
        _ left: TensorFacts,
        _ right: TensorFacts,
        in call: inout OperatorCall
    ) throws(RowFault) -> TensorFacts {
        guard let a = left.shape, let b = right.shape, !a.isEmpty, !b.isEmpty else {
            throw RowFault("takes a tensor of unknown rank")
        }
        // A vector is a matrix of one row or column, which the result lacks.
        let wideLeft = a.count == 1 ? facts(left, shape: [.one] + a, moved: 1) : left
        let wideRight = b.count == 1 ? facts(right, shape: b + [.one], moved: 0) : right
        var result = try matrixProduct(wideLeft, wideRight, in: &call)
        guard let shape = result.shape else { return result }
        var places = Array(shape.indices)
        if b.count == 1 { places.remove(at: shape.count - 1) }
        if a.count == 1 { places.remove(at: shape.count - 2) }
        result.shape = places.map { shape[$0] }
        if var rows = result.rowAxis, let axis = places.firstIndex(of: rows.axis) {
            rows.axis = axis
            result.rows = .apart(rows)
        }
        return result
    }

    private static func facts(
        _ facts: TensorFacts,
        shape: [SymbolicSize?],
        moved: Int
    ) -> TensorFacts {
        var result = facts
        result.shape = shape
        if var rows = facts.rowAxis {
            rows.axis += moved
            result.rows = .apart(rows)
        }
        return result
    }

    private static func matrixProduct(
        _ left: TensorFacts,
        _ right: TensorFacts,
        in call: inout OperatorCall
    ) throws(RowFault) -> TensorFacts {
        let (a, b) = (left.shape ?? [], right.shape ?? [])
        if let rows = left.rowAxis, rows.axis == a.count - 1 {
            throw RowFault("sums over the rows")
        }
        if let rows = right.rowAxis, rows.axis == b.count - 2 {
            throw RowFault("sums over the rows")
        }
        // Everything but the contracted dimension follows the rules of broadcasting.
        var (leftShape, rightShape) = (a, b)
        leftShape[a.count - 1] = .one
        rightShape[b.count - 2] = .one
        var result = try ElementwiseRules.broadcast(
            [facts(left, shape: leftShape, moved: 0), facts(right, shape: rightShape, moved: 0)],
            in: &call
        )
        result.type = call.node.type == "MatMulInteger" ? OnnxType.int32 : left.type
        call.stability = stability(left, right, call)
        return result
    }

    /// A product for each row by itself has the same number of rows whatever their company.
    private static func stability(
        _ left: TensorFacts,
        _ right: TensorFacts,
        _ call: OperatorCall
    ) -> BitStability {
        let isBatched = [left, right].allSatisfy { side in
            guard let rows = side.rowAxis, let rank = side.rank else {
                return side.rank == 2 && side.isSame
            }
            return rows.axis < rank - 2
        }
        // A constant right side makes one product of all rows.
        guard isBatched, right.rowAxis != nil else { return call.stability }
        return BitStability(fp32: .exact, fp64: .exact, fp16: call.stability.fp16)
    }

    static func gemm(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let left = transposed(try call.input(0), call.int("transA", default: 0) != 0)
        let right = transposed(try call.input(1), call.int("transB", default: 0) != 0)
        guard left.rank == 2, right.rank == 2 else { throw RowFault("takes two matrices") }
        let stability = call.stability
        var result = try matrixProduct(left, right, in: &call)
        call.stability = stability
        guard let added = call.optionalInput(2) else { return [result] }
        let type = result.type
        result = try ElementwiseRules.broadcast([result, added], in: &call)
        result.type = type
        return [result]
    }

    /// Einsum: each operand with rows names them by one letter, which the result keeps.
    static func einsum(_ call: inout OperatorCall) throws(RowFault) -> [TensorFacts] {
        let equation = (call.text("equation") ?? "").filter { $0 != " " }
        let sides = equation.split(separator: ">", omittingEmptySubsequences: false)
        guard sides.count == 2, sides[0].last == "-", !equation.contains(".") else {
            throw RowFault("has an equation without '->', or with '...'")
        }
        let terms = sides[0].dropLast().split(separator: ",", omittingEmptySubsequences: false)
        let output = Array(sides[1])
        guard terms.count == call.inputs.count else { throw RowFault("has an unknown equation") }
        var sizes: [Character: SymbolicSize?] = [:]
        var row: (letter: Character, size: SymbolicSize?, outer: SymbolicSize)?
        for (index, term) in terms.enumerated() {
            let (letters, shape) = (Array(term), try call.shape(index))
            guard letters.count == shape.count else { throw RowFault("has an unknown equation") }
            for (letter, size) in zip(letters, shape)
            where sizes[letter] == nil || isOne(sizes[letter] ?? nil) {
                sizes[letter] = .some(size)
            }
            guard let rows = try call.input(index).rowAxis else { continue }
            let letter = letters[rows.axis]
            row = row ?? (letter, shape[rows.axis], rows.outer)
            guard row?.letter == letter, row?.size == shape[rows.axis], row?.outer == rows.outer
            else { throw RowFault("combines rows that lie on different dimensions") }
        }
        var result = TensorFacts(type: try call.input(0).type)
        result.shape = output.map { sizes[$0] ?? nil }
        guard let row else { return [result] }
        for (index, term) in terms.enumerated() {
            let places = term.indices.filter { term[$0] == row.letter }.count
            let expected = try call.input(index).rowAxis == nil ? 0 : 1
            guard places == expected else {
                throw RowFault("meets the rows with a tensor that is not one of them")
            }
        }
        let places = output.indices.filter { output[$0] == row.letter }
        guard places.count == 1, Set(output).count == output.count else {
            throw RowFault("sums over the rows")
        }
        result.shape?[places[0]] = row.size
        result.rows = .apart(RowAxis(axis: places[0], outer: row.outer))
        return [result]
    }
}
