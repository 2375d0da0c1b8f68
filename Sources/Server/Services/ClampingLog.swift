/// The decisions on log lines for clamped priorities: one line a principal within ``pauseNs``.
///
/// A plain calculation over times in nanoseconds.
struct ClampingLog {
    /// The time between two lines of one principal.
    static let pauseNs: UInt64 = 60_000_000_000
    /// Principals that are remembered. With as many whose pauses go on, calls of others get no
    /// line.
    static let maxPrincipals = 1_024

    private struct Account {
        var lineAtNs: UInt64
        /// Calls since that line.
        var calls: UInt64 = 0
    }

    private var accounts: [String: Account] = [:]

    /// The principals that are remembered.
    var count: Int { accounts.count }

    /// Notes a call.
    /// - Returns: The calls for which a line is to be written now; nil: none is.
    mutating func note(_ principal: String, atNs nowNs: UInt64) -> UInt64? {
        if var account = accounts[principal] {
            account.calls += 1
            let isDue = Self.isOver(account, atNs: nowNs)
            accounts[principal] = isDue ? Account(lineAtNs: nowNs) : account
            return isDue ? account.calls : nil
        }
        if accounts.count >= Self.maxPrincipals {
            accounts = accounts.filter { !Self.isOver($0.value, atNs: nowNs) }
            guard accounts.count < Self.maxPrincipals else { return nil }
        }
        accounts[principal] = Account(lineAtNs: nowNs)
        return 1
    }

    private static func isOver(_ account: Account, atNs nowNs: UInt64) -> Bool {
        nowNs >= account.lineAtNs + pauseNs
    }
}
