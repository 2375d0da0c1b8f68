/// The pauses before the host of a version is started again.
struct HostBackOff: Sendable {
    /// Seconds of a pause: the first, doubled each time up to the last.
    static let pauseSeconds: ClosedRange<UInt64> = 1...60
    /// Idle ends, one after the other, before there is a pause.
    static let maxIdleEnds = 3
    /// A host that lived for so many nanoseconds had no idle end.
    static let longLifeNs = pauseSeconds.upperBound * 1_000_000_000

    /// Starts that failed, one after the other.
    private var failures = 0
    /// Hosts that ended soon after their start and without any run, one after the other.
    private var idleEnds = 0

    /// Notes a start that passed every check.
    mutating func started() { failures = 0 }

    /// Notes a start that failed.
    ///
    /// - Returns: Seconds of the pause before the next.
    mutating func failed() -> UInt64 {
        failures += 1
        return Self.seconds(failures)
    }

    /// Notes the end of a host that had started.
    ///
    /// - Parameters:
    ///   - wasUsed: Whether a run was given to it: what runs do to a host is not counted here.
    ///   - lifeNs: Nanoseconds since its start.
    /// - Returns: Seconds of the pause before the next start; nil: there is none.
    mutating func ended(wasUsed: Bool, lifeNs: UInt64) -> UInt64? {
        guard !wasUsed, lifeNs < Self.longLifeNs else {
            idleEnds = 0
            return nil
        }
        idleEnds += 1
        return idleEnds > Self.maxIdleEnds ? Self.seconds(idleEnds - Self.maxIdleEnds) : nil
    }

    private static func seconds(_ number: Int) -> UInt64 {
        min(pauseSeconds.lowerBound << UInt64(min(number - 1, 16)), pauseSeconds.upperBound)
    }
}
