internal import Glibc

/// Where the time of day comes from; tests give their own.
package struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// Uses `read` for the milliseconds since 1970.
    package init(_ read: @escaping @Sendable () -> Int64) {
        self.read = read
    }

    /// Milliseconds since 1970.
    package var nowUnixMs: Int64 { read() }

    /// The machine's clock.
    package static let system = WallClock {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
    }
}
