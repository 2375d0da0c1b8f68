/// The ranges that the elements of a generated request are drawn from.
struct SyntheticStyle {
    /// Floating-point numbers.
    enum Reals {
        /// Evenly from minus to plus this.
        case upTo(Double)
        /// Finite numbers of every magnitude that the type has.
        case everyMagnitude
        /// One in ``SyntheticElements/specialStride`` is a special number, in turn: infinities,
        /// zeros of both signs, the largest and smallest numbers, subnormal ones. There is no NaN:
        /// a request with one runs alone.
        case special
    }

    /// Integers.
    enum Integers {
        /// From 0, fewer than this: most models take integers as indices.
        case below(UInt64)
        /// The least and the largest in turn, and any between.
        case wide
    }

    /// Strings.
    enum Texts {
        /// All empty.
        case empty
        /// A few words.
        case words
        /// Of many lengths in turn, from none to ``SyntheticElements/longTextBytes``.
        case everyLength
    }

    let reals: Reals
    let integers: Integers
    let texts: Texts
    /// Sets styles of equal ranges apart: the first of the values that are taken in turn.
    let seed: Int

    init(_ reals: Reals, _ integers: Integers, _ texts: Texts, seed: Int) {
        self.reals = reals
        self.integers = integers
        self.texts = texts
        self.seed = seed
    }

    /// Values as callers send them.
    static let moderate = [
        SyntheticStyle(.upTo(1), .below(4), .words, seed: 1),
        SyntheticStyle(.upTo(16), .below(2), .words, seed: 2),
        SyntheticStyle(.upTo(256), .below(100), .everyLength, seed: 3),
    ]

    /// More values of an ordinary size: the last bits of an answer differ for some values alone,
    /// of an Elu for one in ten.
    /// - Parameter elements: The number of elements of the request's smallest input: many of them
    ///   need few requests.
    static func ordinary(elements: Int) -> [SyntheticStyle] {
        let bounds = [0.25, 1, 2]
        return (0..<(elements < 64 ? 24 : 3)).map { index in
            SyntheticStyle(
                .upTo(bounds[index % bounds.count]),
                .below(8),
                .words,
                seed: 100 + index
            )
        }
    }

    /// Zeros, and numbers of every magnitude, for integers that are small.
    static let extreme = [
        SyntheticStyle(.upTo(0), .below(1), .empty, seed: 1),
        SyntheticStyle(.everyMagnitude, .below(2), .everyLength, seed: 2),
        SyntheticStyle(.everyMagnitude, .below(4), .everyLength, seed: 4),
    ]

    /// Integers of every magnitude: for models whose sizes and durations do not depend on values.
    static let wideIntegers = [
        SyntheticStyle(.upTo(1), .wide, .words, seed: 0),
        SyntheticStyle(.upTo(16), .wide, .everyLength, seed: 1),
        SyntheticStyle(.everyMagnitude, .wide, .everyLength, seed: 2),
    ]

    /// Special numbers, each of them in at least one request, and in at least two requests of
    /// different order.
    /// - Parameter elements: The number of elements of the request's smallest input.
    static func special(elements: Int) -> [SyntheticStyle] {
        let step = elements / SyntheticElements.specialStride + 1
        let count = SyntheticElements.specialCount
        return stride(from: 0, to: max(count, 2), by: min(step, count - 1)).map { seed in
            SyntheticStyle(.special, .below(4), .everyLength, seed: seed)
        }
    }
}
