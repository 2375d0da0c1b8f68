/// The one rule that clears a dimension padded to the longest row of a run.
///
/// Pad with the same value at the end, by at least K, followed by Slice from 0 to the constant K,
/// leaves each row with its own first K elements, padded to K, whatever the other rows are.
enum RaggedRule {
    /// The padding after a Pad: its least length is kept in ``RowPadding/atLeast``.
    static func padding(
        _ padding: RowPadding,
        padded pads: ExtentRules.Pads,
        by call: OperatorCall
    ) throws(RowFault) -> RowPadding {
        let (before, after) = (pads.before[padding.axis], pads.after[padding.axis])
        var result = padding
        let isPaddedBeside = pads.before.indices.contains { axis in
            axis != padding.axis && (pads.before[axis] != 0 || pads.after[axis] != 0)
        }
        // Elements of other dimensions are then part of the padding, too.
        if isPaddedBeside, !pads.isConstant || pads.value != padding.value { result.value = nil }
        guard before != 0 || after != 0 else { return result }
        guard pads.isConstant, before == 0, after > 0, let value = result.value,
            pads.value == value
        else { throw padding.fault }
        result.atLeast = max(padding.atLeast, after)
        return result
    }

    /// The padding after a Slice of that dimension; nil if the dimension is no longer ragged.
    static func padding(
        _ padding: RowPadding,
        sliced slice: SelectionRules.Cut
    ) throws(RowFault) -> RowPadding? {
        guard slice.start == SymbolicSize(0), slice.step == 1, let end = slice.end?.number, end >= 0
        else { throw padding.fault }
        if padding.atLeast >= end { return nil }
        var result = padding
        // Columns beyond the padding may be cut off, so that less of it is certain.
        result.atLeast = 0
        return result
    }
}
