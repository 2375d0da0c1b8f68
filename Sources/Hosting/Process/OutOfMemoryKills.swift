internal import Glibc
internal import Sealing
internal import Synchronization

/// The number of processes that the kernel has ended for lack of memory, around this process.
///
/// It is what tells such an end from a SIGKILL of another process. The counters are those of this
/// process's control group, and the machine's where no group has one.
package final class OutOfMemoryKills: Sendable {
    private let root: String
    private let last: Mutex<UInt64>

    /// Counts from now on.
    ///
    /// - Parameter root: In place of `/`, for tests.
    package init(root: String = "") {
        self.root = root
        last = Mutex(Self.count(root))
    }

    /// Forgets what was counted before.
    func look() {
        last.withLock { $0 = Self.count(root) }
    }

    /// Whether the number has grown since the last look.
    func hasGrown() -> Bool {
        last.withLock { last in
            let count = Self.count(root)
            defer { last = count }
            return count > last
        }
    }

    private static func count(_ root: String) -> UInt64 {
        let groups = groupFiles(root).compactMap { number("oom_kill", in: $0) }
        if !groups.isEmpty { return groups.reduce(0, &+) }
        return number("oom_kill", in: root + "/proc/vmstat") ?? 0
    }

    /// The files of the process's group with the counter, in both versions of control groups. In a
    /// container the group's own folder may be the mounted one.
    private static func groupFiles(_ root: String) -> [String] {
        guard let text = text(root + "/proc/self/cgroup") else { return [] }
        var files: [String] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let (top, name): (String, String)
            if parts[0] == "0", parts[1].isEmpty {
                (top, name) = (root + "/sys/fs/cgroup", "memory.events")
            } else if parts[1].split(separator: ",").contains("memory") {
                (top, name) = (root + "/sys/fs/cgroup/memory", "memory.oom_control")
            } else {
                continue
            }
            let own = "\(top)\(parts[2] == "/" ? "" : String(parts[2]))/\(name)"
            files.append(self.text(own) == nil ? "\(top)/\(name)" : own)
        }
        return files
    }

    private static func number(_ name: String, in path: String) -> UInt64? {
        guard let text = text(path) else { return nil }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return UInt64(words[1]) }
        }
        return nil
    }

    private static let maxFileBytes = 64 << 10

    private static func text(_ path: String) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: maxFileBytes)
        let count = unsafe Glibc.read(file, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
