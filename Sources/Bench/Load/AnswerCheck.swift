package import Wire

/// Compares answers of Predict: the same call has to get the same outputs from the same version,
/// bit by bit, every time.
package struct AnswerCheck: Sendable {
    private struct Place: Hashable {
        let kind: Int
        let version: UInt64
    }

    private var known: [Place: [V1.Tensor]] = [:]
    /// Answers by the version that they name.
    package private(set) var versions: [UInt64: UInt64] = [:]
    /// Answers that were no answer of Predict, or differ from the first one of their version.
    package private(set) var wrong: UInt64 = 0

    package init() {}

    /// Takes an answer in.
    /// - Parameter kind: Which call it is an answer to.
    package mutating func take(_ answer: V1.PredictResponse, kind: Int) {
        versions[answer.modelVersion, default: 0] += 1
        compare(answer.outputs, at: Place(kind: kind, version: answer.modelVersion))
    }

    /// Takes in something that could not be read.
    mutating func takeUnreadable() { wrong += 1 }

    private mutating func compare(_ outputs: [V1.Tensor], at place: Place) {
        guard let first = known[place] else {
            known[place] = outputs
            return
        }
        if first != outputs { wrong += 1 }
    }

    /// Takes in what was seen on another thread.
    package mutating func add(_ other: AnswerCheck) {
        versions.merge(other.versions, uniquingKeysWith: +)
        wrong += other.wrong
        for (place, outputs) in other.known { compare(outputs, at: place) }
    }
}
