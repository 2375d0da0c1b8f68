/// Ranges in order, joined where they touch.
struct JoinedRanges {
    private(set) var ranges: [Range<Int>] = []

    /// Adds a range that overlaps none of them, and answers with the one that it is part of now.
    mutating func add(_ range: Range<Int>) -> Range<Int> {
        var (first, end) = (0, ranges.count)
        while first < end {
            let middle = first + (end - first) / 2
            if ranges[middle].upperBound < range.lowerBound {
                first = middle + 1
            } else {
                end = middle
            }
        }
        var joined = range
        // `end` is `first`: what touches the range, one before and one after it at most.
        while end < ranges.count, ranges[end].lowerBound <= joined.upperBound {
            let other = ranges[end]
            precondition(!other.overlaps(range), "range \(range) overlaps \(other)")
            joined =
                min(other.lowerBound, joined.lowerBound)..<max(other.upperBound, joined.upperBound)
            end += 1
        }
        ranges.replaceSubrange(first..<end, with: [joined])
        return joined
    }

    /// What none of them covers of a range that holds them all.
    func gaps(in whole: Range<Int>) -> [Range<Int>] {
        var gaps: [Range<Int>] = []
        var start = whole.lowerBound
        for range in ranges {
            if start < range.lowerBound { gaps.append(start..<range.lowerBound) }
            start = range.upperBound
        }
        if start < whole.upperBound { gaps.append(start..<whole.upperBound) }
        return gaps
    }
}
