internal import Glibc

/// The processor time of the calling thread. The time that it waits is not in it: loads are made on
/// a thread that gives way to all others.
enum ThreadTime {
    /// In nanoseconds.
    static var now: UInt64 {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
