internal import Glibc

/// The processor time and memory of a process on this machine and of all its children, as proc(5)
/// tells them.
package struct MeasuredProcess: Sendable {
    package let pid: Int32

    package init(pid: Int32) {
        self.pid = pid
    }

    /// User and system time so far, in seconds, children that have ended included; resident memory
    /// in bytes. `nil` when the process is not there.
    package func reading() -> (cpuSeconds: Double, residentBytes: UInt64)? {
        let all = Self.processes()
        guard let own = all[pid] else { return nil }
        var (ticks, pages) = (own.ticks, own.pages)
        var waiting = [pid]
        while let parent = waiting.popLast() {
            for (child, stat) in all where stat.parent == parent && child != parent {
                ticks += stat.ticks
                pages += stat.pages
                waiting.append(child)
            }
        }
        let perSecond = Double(max(sysconf(Int32(_SC_CLK_TCK)), 1))
        return (Double(ticks) / perSecond, pages * UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 0)))
    }

    struct Stat: Equatable {
        let parent: Int32
        /// User and system time, of the process and of the children that it waited for.
        let ticks: UInt64
        let pages: UInt64

        /// Reads a line of `/proc/PID/stat`. The name of the program, in parentheses, may hold
        /// anything.
        init?(_ line: String) {
            guard let end = line.lastIndex(of: ")") else { return nil }
            let fields = line[end...].split(separator: " ").dropFirst()
            // Field 3, the state, is the first after the name.
            func field(_ number: Int) -> Substring? {
                fields.dropFirst(number - 3).first
            }
            guard let parent = field(4).flatMap({ Int32($0) }),
                let pages = field(24).flatMap({ UInt64($0) })
            else { return nil }
            var ticks: UInt64 = 0
            for number in 14...17 {
                guard let part = field(number).flatMap({ UInt64($0) }) else { return nil }
                ticks += part
            }
            self.parent = parent
            self.ticks = ticks
            self.pages = pages
        }
    }

    private static func processes() -> [Int32: Stat] {
        guard let folder = unsafe opendir("/proc") else { return [:] }
        defer { unsafe closedir(folder) }
        var found: [Int32: Stat] = [:]
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            guard let pid = Int32(name), let line = ProcFile.read("/proc/\(pid)/stat"),
                let stat = Stat(line)
            else { continue }
            found[pid] = stat
        }
        return found
    }
}

/// What a server used between two readings.
package struct ServerUsage: Sendable, Equatable {
    /// User and system time.
    package let cpuSeconds: Double
    /// Resident memory at the end, in bytes.
    package let residentBytes: UInt64
}
