/// The effect that the place of a row in a run, and the number of rows, have on the bits of an
/// operator's result, by the type of the elements that it reads. Text is exact.
struct BitStability: Hashable, Sendable {
    /// The effect on one type, in ascending order of severity.
    enum Level: Int, Comparable, Sendable {
        /// None.
        case exact
        /// The number of rows may have one.
        case rowCount
        /// The place of the row may have one too.
        case place

        static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    let fp32: Level
    let fp64: Level
    let fp16: Level
    var integers = Level.exact

    static let exact = BitStability(fp32: .exact, fp64: .exact, fp16: .exact)
    static let rowCount = BitStability(fp32: .rowCount, fp64: .rowCount, fp16: .rowCount)
    static let place = BitStability(fp32: .place, fp64: .place, fp16: .place)
    /// Operators that compute with floats, or in blocks of rows, whatever they read.
    static let rowCountOfAll = BitStability(
        fp32: .rowCount,
        fp64: .rowCount,
        fp16: .rowCount,
        integers: .rowCount
    )
    /// Operators whose sums differ between one row and several for some values only, so that a
    /// comparison of samples may miss it.
    static let placeOfAll = BitStability(
        fp32: .place,
        fp64: .place,
        fp16: .place,
        integers: .place
    )
    /// Exact but for FP16, whose kernels convert to FP32 and back in blocks.
    static let exactWide = BitStability(fp32: .exact, fp64: .exact, fp16: .rowCount)
    /// Exact in FP32, whose kernels treat the tail like the rest; FP64 has a tail of its own.
    static let exactFP32 = BitStability(fp32: .exact, fp64: .place, fp16: .rowCount)
    /// Exact in FP32 alone.
    static let exactOnlyFP32 = BitStability(fp32: .exact, fp64: .place, fp16: .place)
    /// Sums whose order the number of rows may decide, and in FP64 their place.
    static let placeFP64 = BitStability(fp32: .rowCount, fp64: .place, fp16: .rowCount)
    /// Sums in FP32 and FP64 whose order the number of rows may decide.
    static let rowCountWide = BitStability(fp32: .rowCount, fp64: .rowCount, fp16: .place)

    /// The effect on one type; the worst of all for an unknown one.
    func level(of type: Int32) -> Level {
        switch type {
        case OnnxType.float: fp32
        case OnnxType.double: fp64
        case OnnxType.float16, OnnxType.bfloat16: fp16
        case OnnxType.string: .exact
        case _ where OnnxType.integers.contains(type): integers
        default: max(fp32, fp64, fp16, integers)
        }
    }
}
