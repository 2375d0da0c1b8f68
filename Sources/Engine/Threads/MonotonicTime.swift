internal import Glibc

/// The monotonic clock, in the unit of ``RunStop/endsAtNs``.
package enum MonotonicTime {
    /// Nanoseconds since a fixed time before the process began.
    package static var nowNs: UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
