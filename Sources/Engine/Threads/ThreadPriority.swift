internal import Glibc

/// A thread that the system gives what the others leave, and what becomes of it when they leave
/// nothing.
///
/// Lowered, it has the policy SCHED_IDLE: any other thread that wakes up takes its place at once.
/// A thread that is only nice keeps its turn for some milliseconds, which those who wait for an
/// answer feel. What idle threads are sure of is three thousandths of a core.
package struct ThreadPriority: Sendable {
    /// The nice value of a thread that stepped back, and of a lowered one that was raised.
    package static let niceness: Int32 = 10
    /// SCHED_IDLE of sched(7).
    private static let idlePolicy: Int32 = 5
    /// For how long a thread may get little before it is raised.
    static let patience = Duration.milliseconds(500)
    /// The share of a core below which it gets little: what it would have beside one other thread
    /// at ``niceness``.
    static let leastShare = 0.1

    private let thread: pthread_t
    private let clock: clockid_t
    /// The processor time that the thread had when it was looked at first.
    private let begin: Duration

    /// The calling thread, for another one that watches it while it works.
    static var ofThisThread: ThreadPriority? {
        var clock = clockid_t()
        guard unsafe pthread_getcpuclockid(pthread_self(), &clock) == 0,
            let begin = time(of: clock)
        else { return nil }
        return ThreadPriority(thread: pthread_self(), clock: clock, begin: begin)
    }

    /// Puts the calling thread behind those that serve, for good: it gets the less the more they
    /// need, and a fair part of what they leave. For whatever serves no prediction.
    package static func stepBack() {
        guard getpriority(Int32(PRIO_PROCESS.rawValue), 0) < niceness else { return }
        _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, niceness)
    }

    /// Lowers the calling thread. One that cannot be lowered does its work all the same.
    static func lower() {
        _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, niceness)
        var parameter = sched_param()
        _ = unsafe sched_setscheduler(0, idlePolicy, &parameter)
    }

    /// Raises the thread to ``niceness`` if it got too little; where the system does not let the
    /// process do that, it stays as it is.
    /// - Returns: whether that was tried.
    func raiseIfStarved(since waited: Duration) -> Bool {
        guard waited >= Self.patience, share(of: waited) < Self.leastShare else { return false }
        var parameter = sched_param()
        _ = unsafe pthread_setschedparam(thread, SCHED_OTHER, &parameter)
        return true
    }

    private func share(of waited: Duration) -> Double {
        guard let now = Self.time(of: clock) else { return 1 }
        return (now - begin) / waited
    }

    private static func time(of clock: clockid_t) -> Duration? {
        var time = timespec()
        guard unsafe clock_gettime(clock, &time) == 0 else { return nil }
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
