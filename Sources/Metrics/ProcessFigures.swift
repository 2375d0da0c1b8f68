internal import Glibc

/// What the system says of this process, under the names that Prometheus' own clients use.
package struct ProcessFigures: Sendable {
    /// User and system time, in microseconds; children that were waited for are not in it.
    package let cpuMicroseconds: UInt64
    package let residentBytes: UInt64
    package let virtualBytes: UInt64
    package let openFiles: UInt64
    /// The soft limit.
    package let maxFiles: UInt64

    /// Asks the system. Reads `/proc`, so not for an event loop.
    package static func now() -> ProcessFigures {
        var usage = rusage()
        _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        var files = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        let pages = pageCounts()
        let pageBytes = UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
        return ProcessFigures(
            cpuMicroseconds: microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
            residentBytes: pages.resident * pageBytes,
            virtualBytes: pages.total * pageBytes,
            openFiles: openFileCount(),
            maxFiles: UInt64(files.rlim_cur)
        )
    }

    private static func microseconds(_ time: timeval) -> UInt64 {
        UInt64(max(0, time.tv_sec)) * 1_000_000 + UInt64(max(0, time.tv_usec))
    }

    /// The first two numbers of `/proc/self/statm`.
    private static func pageCounts() -> (total: UInt64, resident: UInt64) {
        let file = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return (0, 0) }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = unsafe read(file, &bytes, bytes.count)
        guard count > 0 else { return (0, 0) }
        let numbers = bytes.prefix(count).split(separator: UInt8(ascii: " "))
            .map { UInt64(String(decoding: $0, as: UTF8.self)) ?? 0 }
        return numbers.count > 1 ? (numbers[0], numbers[1]) : (0, 0)
    }

    private static func openFileCount() -> UInt64 {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        var count: UInt64 = 0
        while unsafe readdir(folder) != nil { count += 1 }
        // Not `.`, not `..`, not the folder that is read.
        return count > 3 ? count - 3 : 0
    }
}

extension Exposition {
    /// Writes the system's figures of the process.
    ///
    /// - Parameters:
    ///   - residentBytes: The memory that counts as its own.
    ///   - startUnixSeconds: The time at which it began.
    package mutating func write(
        _ process: ProcessFigures,
        residentBytes: UInt64,
        startUnixSeconds: UInt64
    ) {
        write(.counter, "process_cpu_seconds_total", "User and system CPU time.") {
            $0.add(nanoseconds: process.cpuMicroseconds * 1_000)
        }
        let gauges: [(String, String, UInt64)] = [
            (
                "process_resident_memory_bytes",
                "Memory of the server and its engine hosts.", residentBytes
            ),
            ("process_virtual_memory_bytes", "Address space in use.", process.virtualBytes),
            ("process_open_fds", "Open file descriptors.", process.openFiles),
            ("process_max_fds", "Most file descriptors that may be open.", process.maxFiles),
            ("process_start_time_seconds", "Start, in Unix time.", startUnixSeconds),
        ]
        for (name, help, value) in gauges { write(.gauge, name, help) { $0.add(value) } }
    }
}
