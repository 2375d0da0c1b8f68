internal import DequeModule

/// The ends of one version's engine hosts, by the callers whose inputs caused them: a plain
/// calculation over times in nanoseconds.
///
/// A caller whose inputs ended the host ``maxEnds`` times within ``windowNs`` is paused: for a
/// second at first, and for twice as long after each further end, up to ``maxPauseNs``. Three
/// callers that ended hosts within the window pause the version for all, as its model is to blame
/// then. An account is closed after ``windowNs`` without an end or a pause.
struct CrashLedger {
    /// The ends of a caller within the window that are tolerated, the last one excluded.
    static let maxEnds = 3
    /// The callers with ends within the window that pause the version.
    static let maxCallers = 3
    /// The time in which ends are counted together, in nanoseconds.
    static let windowNs: UInt64 = 60_000_000_000
    /// The first pause, in nanoseconds.
    static let firstPauseNs: UInt64 = 1_000_000_000
    /// The longest pause, in nanoseconds.
    static let maxPauseNs: UInt64 = 60_000_000_000
    /// Callers that are remembered at once. Where there are more, the account whose closing is due
    /// first is closed early. That helps no caller to escape: the ends of so many others have
    /// paused the version.
    static let maxAccounts = 256

    /// A pause under way.
    enum Pause: Equatable {
        /// Of one caller.
        case caller(leftNs: UInt64)
        /// Of the version.
        case version(leftNs: UInt64)
    }

    /// The pauses of a caller or of the version.
    private struct Account {
        /// The last ends, at most ``maxEnds``.
        var ends: Deque<UInt64> = []
        var pauseNs: UInt64 = 0
        var pausedUntilNs: UInt64 = 0

        /// The time at which it is closed.
        var closesAtNs: UInt64 {
            ends.last.map { max($0, pausedUntilNs) + CrashLedger.windowNs } ?? 0
        }

        func leftNs(atNs nowNs: UInt64) -> UInt64 { pausedUntilNs - min(pausedUntilNs, nowNs) }

        mutating func note(_ nowNs: UInt64) {
            ends.append(nowNs)
            if ends.count > CrashLedger.maxEnds { ends.removeFirst() }
        }

        /// Whether there were so many ends within the window.
        func isFull(atNs nowNs: UInt64) -> Bool {
            guard ends.count == CrashLedger.maxEnds, let first = ends.first else { return false }
            return nowNs < first + CrashLedger.windowNs
        }

        mutating func pause(atNs nowNs: UInt64) {
            pauseNs =
                pauseNs == 0 ? CrashLedger.firstPauseNs : min(2 * pauseNs, CrashLedger.maxPauseNs)
            pausedUntilNs = nowNs + pauseNs
        }
    }

    private var callers: [String: Account] = [:]
    private var version = Account()
    /// The time at which the last account is closed.
    private var closesAtNs: UInt64 = 0

    /// The callers that are remembered.
    var accounts: Int { callers.count }

    /// Whether nothing is to be remembered any more.
    func isEmpty(atNs nowNs: UInt64) -> Bool { closesAtNs <= nowNs }

    /// Notes an end that an input of a caller caused.
    mutating func charge(_ caller: String, atNs nowNs: UInt64) {
        closeAccounts(atNs: nowNs)
        if callers[caller] == nil, callers.count >= Self.maxAccounts,
            let first = callers.min(by: { $0.value.closesAtNs < $1.value.closesAtNs })
        {
            callers[first.key] = nil
        }
        var account = callers[caller] ?? Account()
        account.note(nowNs)
        if account.pauseNs > 0 || account.isFull(atNs: nowNs) { account.pause(atNs: nowNs) }
        callers[caller] = account
        version.note(nowNs)
        let recent = callers.values.count { account in
            account.ends.last.map { nowNs < $0 + Self.windowNs } ?? false
        }
        if recent >= Self.maxCallers { version.pause(atNs: nowNs) }
        closesAtNs = max(closesAtNs, account.closesAtNs, version.closesAtNs)
    }

    /// The pause under way that concerns a caller.
    func pause(of caller: String, atNs nowNs: UInt64) -> Pause? {
        let ofVersion = version.leftNs(atNs: nowNs)
        if ofVersion > 0 { return .version(leftNs: ofVersion) }
        let left = callers[caller]?.leftNs(atNs: nowNs) ?? 0
        return left > 0 ? .caller(leftNs: left) : nil
    }

    private mutating func closeAccounts(atNs nowNs: UInt64) {
        callers = callers.filter { $0.value.closesAtNs > nowNs }
        if version.closesAtNs <= nowNs { version = Account() }
    }
}
