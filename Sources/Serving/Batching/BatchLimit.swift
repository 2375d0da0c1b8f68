/// The reason why runs have fewer rows than the card allows.
enum BatchLimit {
    /// The bits of an output, named in quotation marks, differ in a run of so many rows, which the
    /// analysis of the graph explains.
    case bits(rows: Int, output: String, cause: String)
    /// There is no memory for a run of so many rows.
    case memory(rows: Int)
    /// The time of the comparison is used up, in nanoseconds.
    case time(UInt64)

    /// In words, for people.
    var why: String {
        switch self {
        case .bits(let rows, let output, let cause):
            "output \(output) has other bits in a run of \(rows) rows" + cause
        case .memory(let rows): "there is no memory to compare a run of \(rows) rows"
        case .time(let budgetNs):
            "the comparison of larger runs would take more than "
                + "\(budgetNs / 1_000_000_000) s"
        }
    }
}
