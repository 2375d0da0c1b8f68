internal import Engine

/// The time by which hosts are started again, in nanoseconds of the monotonic clock.
struct HostClock: Sendable {
    /// The clock of the system.
    static let system = HostClock(
        now: { MonotonicTime.nowNs },
        wait: { semaphore, untilNs in semaphore.wait(untilNs: untilNs) }
    )

    private let now: @Sendable () -> UInt64
    private let waitUntil: @Sendable (CountingSemaphore, UInt64) -> Bool

    /// Makes a clock.
    init(
        now: @escaping @Sendable () -> UInt64,
        wait: @escaping @Sendable (CountingSemaphore, _ untilNs: UInt64) -> Bool
    ) {
        self.now = now
        waitUntil = wait
    }

    var nowNs: UInt64 { now() }

    /// Blocks until a signal, or until a time.
    ///
    /// - Returns: Whether there was a signal.
    func wait(for semaphore: CountingSemaphore, untilNs: UInt64) -> Bool {
        waitUntil(semaphore, untilNs)
    }
}
