internal import Engine

/// The description of a tensor in a request or a reply, as 64-bit words:
///
/// | word | content |
/// |---|---|
/// | 0 | `number` in the lower half, `rank` in the upper |
/// | 1 | `offset` |
/// | 2 | `byteCount` |
/// | 3 to 10 | the sizes, as many as `rank` says |
struct TensorRecord {
    /// Words of a record.
    static let words = 3 + EngineLimits.maxRank

    /// The index in the signature, or the element type, as the kind of the record says.
    var number: UInt32
    /// Count of the dimensions; see ``unplaced`` too.
    var rank: UInt32
    /// Where the bytes begin.
    var offset: UInt64
    var byteCount: UInt64
    /// Always of ``EngineLimits/maxRank``.
    private var sizes: [Int64]

    /// The rank of an output that has no place of its own.
    static let unplaced = UInt32.max

    /// Describes a tensor of at most ``EngineLimits/maxRank`` dimensions.
    init(number: Int, shape: [Int64], range: Range<Int>) {
        self.number = UInt32(number)
        rank = UInt32(shape.count)
        offset = UInt64(range.lowerBound)
        byteCount = UInt64(range.count)
        sizes = shape
    }

    /// An output that has no place of its own.
    init(unplaced number: Int) {
        self.init(number: number, shape: [], range: 0..<0)
        rank = Self.unplaced
    }

    /// Reads words of any content, ``words`` of them.
    init(reading words: ArraySlice<UInt64>) {
        let first = words.startIndex
        number = UInt32(truncatingIfNeeded: words[first])
        rank = UInt32(truncatingIfNeeded: words[first] >> 32)
        offset = words[first + 1]
        byteCount = words[first + 2]
        sizes = words[(first + 3)...].map { Int64(bitPattern: $0) }
    }

    func write(to words: inout [UInt64]) {
        words.append(UInt64(number) | UInt64(rank) << 32)
        words.append(offset)
        words.append(byteCount)
        for index in 0..<EngineLimits.maxRank {
            words.append(index < sizes.count ? UInt64(bitPattern: sizes[index]) : 0)
        }
    }

    /// The sizes; nil if `rank` is more than a tensor may have.
    var shape: [Int64]? {
        guard rank <= EngineLimits.maxRank else { return nil }
        return Array(sizes.prefix(Int(rank)))
    }

    /// The bytes, if they lie inside of what was granted; nil otherwise.
    func range(in granted: Range<Int>) -> Range<Int>? {
        let (end, overflow) = offset.addingReportingOverflow(byteCount)
        guard !overflow, offset >= UInt64(granted.lowerBound), end <= UInt64(granted.upperBound)
        else { return nil }
        return Int(offset)..<Int(end)
    }
}
