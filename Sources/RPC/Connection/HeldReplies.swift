internal import Synchronization

/// The accounts of the replies that a server holds.
package final class HeldReplies: Sendable {
    /// Accounts of principals without a connection that are kept until they are looked through.
    static let maxLeft = 64

    private struct Entry {
        let account: ReplyAccount
        var connections = 0
    }

    private struct State {
        var principals: [Principal: Entry] = [:]
        /// Entries without a connection. Their calls may run on.
        var left = 0
    }

    private let limits: RPCLimits
    /// Of all connections.
    package let total: ReplyAccount
    private let state = Mutex(State())
    /// Bytes of replies that waited for sockets and were freed since ``takeReleased(atLeast:)``.
    private let freed = Atomic(0)
    /// Calls that were refused for the limit of a principal that has no account any more.
    private let pastRefusals = Atomic<UInt64>(0)

    package init(limits: RPCLimits) {
        self.limits = limits
        total = ReplyAccount(key: "limits.total_unsent_bytes", limit: limits.maxTotalUnsentBytes)
    }

    /// The account of a new connection. ``close(_:)`` ends it.
    func open(_ principal: Principal) -> ReplyAccount {
        let parent = state.withLock { state in
            var entry = state.principals[principal] ?? Entry(account: makeAccount())
            if entry.connections == 0, state.principals[principal] != nil { state.left -= 1 }
            entry.connections += 1
            state.principals[principal] = entry
            return entry.account
        }
        return ReplyAccount(
            key: "limits.unsent_bytes",
            limit: limits.maxUnsentBytes,
            parent: parent
        )
    }

    /// Notes the end of a connection. The principal's account stays as long as it holds something:
    /// a principal that connects again has no new share.
    func close(_ principal: Principal) {
        state.withLock { state in
            guard var entry = state.principals[principal] else { return }
            entry.connections -= 1
            state.principals[principal] = entry
            guard entry.connections == 0 else { return }
            state.left += 1
            if state.left > Self.maxLeft {
                for other in state.principals.keys { drop(other, &state) }
            } else {
                drop(principal, &state)
            }
        }
    }

    /// Drops an account that has no connection and holds nothing.
    private func drop(_ principal: Principal, _ state: inout State) {
        guard let entry = state.principals[principal], entry.connections == 0,
            entry.account.bytes == 0
        else { return }
        pastRefusals.add(entry.account.refusals, ordering: .relaxed)
        state.principals[principal] = nil
        state.left -= 1
    }

    /// Accounts of principals.
    var principals: Int { state.withLock { $0.principals.count } }

    /// Calls that were refused for a limit, by its configuration key.
    package var refusals: [(key: String, count: UInt64)] {
        let present = state.withLock { state in
            state.principals.values.reduce(0) { $0 + $1.account.refusals }
        }
        return [
            ("principal_unsent_bytes", present + pastRefusals.load(ordering: .relaxed)),
            ("total_unsent_bytes", total.refusals),
        ]
    }

    /// Notes that the memory of replies is free which had waited for a socket.
    func released(_ count: Int) { freed.add(count, ordering: .relaxed) }

    /// Whether so many bytes of replies were freed since this was last true: as much may be free
    /// in the C library's heaps.
    package func takeReleased(atLeast count: Int) -> Bool {
        guard freed.load(ordering: .relaxed) >= count else { return false }
        freed.store(0, ordering: .relaxed)
        return true
    }

    private func makeAccount() -> ReplyAccount {
        ReplyAccount(
            key: "limits.principal_unsent_bytes",
            limit: limits.maxPrincipalUnsentBytes,
            parent: total
        )
    }
}
