internal import Synchronization

/// Counts requests that wait or run, and the bytes that they keep, in one word: taking a place is
/// one exchange, and takes both or neither.
final class QueueLoad: Sendable {
    /// Bytes have the lower bits, requests those above: enough for every limit that may be set.
    private static let byteBits: UInt64 = 40
    private static let byteMask: UInt64 = 1 << byteBits - 1
    /// What one request counts for at most; a frame is far below.
    private static let maxRequestBytes = ServingLimits.maxQueuedBytes

    // Relaxed: it is a count and orders no other memory.
    private let packed = Atomic<UInt64>(0)

    /// What waits or runs.
    var present: (requests: Int, bytes: Int) { Self.unpacked(packed.load(ordering: .relaxed)) }

    /// Takes a place if there is one.
    /// - Parameter takesAnyFirst: whether a request of any size is taken where there is no other.
    /// - Returns: whether it was taken.
    func enter(
        bytes: Int,
        requestLimit: Int,
        byteLimit: Int,
        takesAnyFirst: Bool = false
    ) -> Bool {
        let bytes = min(bytes, Self.maxRequestBytes)
        var seen = packed.load(ordering: .relaxed)
        while true {
            let present = Self.unpacked(seen)
            guard present.requests < requestLimit,
                present.bytes + bytes <= byteLimit || (takesAnyFirst && present.requests == 0)
            else { return false }
            let (isDone, now) = packed.weakCompareExchange(
                expected: seen,
                desired: seen + Self.packed(requests: 1, bytes: bytes),
                ordering: .relaxed
            )
            if isDone { return true }
            seen = now
        }
    }

    /// Gives a place back.
    func leave(bytes: Int) {
        let bytes = min(bytes, Self.maxRequestBytes)
        packed.wrappingSubtract(Self.packed(requests: 1, bytes: bytes), ordering: .relaxed)
    }

    /// Takes bytes that no request of its own stands for.
    ///
    /// - Returns: Whether they were within the limit.
    func takeBytes(_ bytes: Int, limit: Int) -> Bool {
        var seen = packed.load(ordering: .relaxed)
        while true {
            let (sum, overflow) = Self.unpacked(seen).bytes.addingReportingOverflow(bytes)
            guard bytes >= 0, !overflow, sum <= min(limit, Self.maxRequestBytes) else {
                return false
            }
            let (isDone, now) = packed.weakCompareExchange(
                expected: seen,
                desired: seen + UInt64(bytes),
                ordering: .relaxed
            )
            if isDone { return true }
            seen = now
        }
    }

    /// Gives back what ``takeBytes(_:limit:)`` took.
    func giveBackBytes(_ bytes: Int) {
        packed.wrappingSubtract(UInt64(bytes), ordering: .relaxed)
    }

    private static func packed(requests: Int, bytes: Int) -> UInt64 {
        UInt64(requests) << byteBits | UInt64(bytes)
    }

    private static func unpacked(_ packed: UInt64) -> (requests: Int, bytes: Int) {
        (Int(packed >> byteBits), Int(packed & byteMask))
    }
}
