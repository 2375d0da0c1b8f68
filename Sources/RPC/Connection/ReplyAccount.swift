internal import Synchronization

/// A count of reply bytes with a limit: of one connection, of one principal, or of the server.
///
/// It counts the replies that sockets have not taken, and room that was reserved for replies of
/// calls that run. An account counts together with its parents. A holder of much leaves room for
/// the others of its parent: it may hold at most as much as is left of the parent's limit, so that
/// however many fill it, the next one finds as much as each of them has (Choudhury and Hahne,
/// "Dynamic queue length thresholds for shared-memory packet switches", 1998). A reply may pass
/// limits where nothing else is held, since it could never be sent otherwise.
///
/// Used from any thread. The counters order no other memory.
package final class ReplyAccount: Sendable {
    /// Room for the reply of each call, in bytes: enough for most of them.
    package static let leastBytes = 512

    /// The configuration key of the limit, for messages.
    let key: String
    /// In bytes.
    let limit: Int
    let parent: ReplyAccount?
    private let held = Atomic(0)
    /// Calls that were refused for this limit.
    private let refused = Atomic<UInt64>(0)

    init(key: String, limit: Int, parent: ReplyAccount? = nil) {
        self.key = key
        self.limit = limit
        self.parent = parent
    }

    /// The bytes that are reserved or not taken.
    package var bytes: Int { held.load(ordering: .relaxed) }

    /// The calls that were refused for this limit.
    package var refusals: UInt64 { refused.load(ordering: .relaxed) }

    /// Whether it or one of its parents has reached its limit.
    var isFull: Bool { bytes >= limit || parent?.isFull == true }

    /// Reserves room.
    ///
    /// - Parameter own: The bytes that the caller has reserved before.
    /// - Returns: The account that has too little room; nil: the room is reserved.
    package func take(_ count: Int, own: Int = 0) -> ReplyAccount? {
        let before = held.add(count, ordering: .relaxed).oldValue
        if let full = full(before: before, count, own) {
            held.subtract(count, ordering: .relaxed)
            return full
        }
        guard let full = parent?.take(count, own: own) else { return nil }
        held.subtract(count, ordering: .relaxed)
        return full
    }

    private func full(before: Int, _ count: Int, _ own: Int) -> ReplyAccount? {
        guard before > own else { return nil }
        let after = before.addingReportingOverflow(count)
        guard !after.overflow, after.partialValue <= limit else { return self }
        guard let parent, after.partialValue > parent.limit - parent.bytes else { return nil }
        return parent
    }

    /// Counts bytes that there are, whatever the limits are.
    func add(_ count: Int) {
        held.add(count, ordering: .relaxed)
        parent?.add(count)
    }

    /// Counts bytes no longer.
    package func release(_ count: Int) {
        held.subtract(count, ordering: .relaxed)
        parent?.release(count)
    }

    /// Replaces a count by the true one.
    package func correct(_ counted: Int, to count: Int) {
        if count > counted { add(count - counted) } else { release(counted - count) }
    }

    /// Counts a refusal for this limit.
    ///
    /// - Parameter count: The bytes for which there is no room.
    /// - Returns: The message for the caller.
    package func refuse(_ count: Int) -> String {
        refused.add(1, ordering: .relaxed)
        return "\(key) is \(limit) bytes, and replies that were not taken hold \(bytes) of its "
            + "account: there is no room for the \(count) bytes that this reply may have"
    }
}
