internal import Engine
internal import Synchronization

/// The bytes of a version's results, estimated before a request is run: what the signature says,
/// or more if results were larger.
///
/// Where the signature leaves the size open, a result is expected to be as large for each byte of
/// its request as the largest one of late, and to be ``ServingLimits/unknownResultBytes`` long
/// before the first one.
final class ResultSize: Sendable {
    /// A result that is smaller than expected lowers the expectation by one part in so many of the
    /// difference.
    private static let fading = 64
    /// Bytes of a request for which results are measured.
    private static let unit = 1_024

    /// Of each row where ``isByRow``, or else of a result; nil: the signature does not say.
    private let declared: Int?
    private let isByRow: Bool
    /// Of the largest result of late, for ``unit`` bytes of its request; -1: there was none.
    /// Relaxed: it is a measurement and orders no memory.
    private let measured = Atomic(-1)

    /// - Parameters:
    ///   - outputs: The outputs of the version.
    ///   - rows: The proof about its rows.
    init(outputs: [TensorSpec], rows: RowAnalysis) {
        let isByRow = rows.provesRowCount && outputs.contains { ($0.shape.first ?? 0) < 0 }
        self.isByRow = isByRow
        declared = Self.sum(outputs.map { Self.bytes(of: $0, isByRow: isByRow) })
    }

    /// Whether the signature does not say how large results are, and there was none.
    var isUnknown: Bool { declared == nil && measured.load(ordering: .relaxed) < 0 }

    /// The bytes that the result of a request is expected to have.
    func expected(for request: PredictionRequest) -> Int {
        let measured = measured.load(ordering: .relaxed)
        guard measured >= 0 else {
            return declared(for: request) ?? ServingLimits.unknownResultBytes
        }
        let known = Self.product(measured, request.heldBytes / Self.unit + 1)
        return max(declared(for: request) ?? 0, known)
    }

    /// Notes a result.
    func note(_ outputs: [OutputTensor], of request: PredictionRequest) {
        let bytes = outputs.reduce(0) { $0 + $1.byteCount }
        // A size that the signature states needs no measurement.
        if let declared = declared(for: request), bytes <= declared { return }
        let units = request.heldBytes / Self.unit + 1
        let (quotient, rest) = bytes.quotientAndRemainder(dividingBy: units)
        let present = quotient + (rest == 0 ? 0 : 1)
        let before = measured.load(ordering: .relaxed)
        let next = present >= before ? present : before - (before - present) / Self.fading
        if next != before { measured.store(next, ordering: .relaxed) }
    }

    private func declared(for request: PredictionRequest) -> Int? {
        guard isByRow else { return declared }
        return declared.map { Self.product($0, Int(clamping: request.rows)) }
    }

    private static func bytes(of spec: TensorSpec, isByRow: Bool) -> Int? {
        guard !spec.hasUnknownRank, let width = spec.type.byteCount else { return nil }
        let shape = isByRow ? Array(spec.shape.dropFirst()) : spec.shape
        return TensorShape.elementCount(shape).map { $0 * width }
    }

    private static func sum(_ parts: [Int?]) -> Int? {
        var sum = 0
        for part in parts {
            guard let part else { return nil }
            let next = sum.addingReportingOverflow(part)
            guard !next.overflow else { return .max }
            sum = next.partialValue
        }
        return sum
    }

    private static func product(_ bytes: Int, _ count: Int) -> Int {
        let product = bytes.multipliedReportingOverflow(by: count)
        return product.overflow ? .max : product.partialValue
    }
}
