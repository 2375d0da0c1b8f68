internal import Glibc

/// The wall clock, for ids and lists; deadlines use the monotonic one.
enum WallClock {
    static var unixMs: Int64 {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }
}
