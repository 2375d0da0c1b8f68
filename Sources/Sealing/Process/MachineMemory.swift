internal import Glibc

/// What the machine has of memory, or the container in which this process runs.
package struct MachineMemory: Sendable, Equatable {
    /// All of it, in bytes.
    package let totalBytes: UInt64
    /// What new work could take now without harm to the rest.
    package let availableBytes: UInt64

    private static let maxFileBytes = 16 << 10

    /// As the system says; nil if it does not.
    package static var now: MachineMemory? {
        guard let text = read("/proc/meminfo") else { return nil }
        let group = read("/proc/self/cgroup").flatMap(groupPath)
        func limit(_ name: String) -> UInt64? {
            group.flatMap { read("/sys/fs/cgroup\($0)/\(name)") }.flatMap { UInt64($0.trimmed) }
        }
        return MachineMemory(
            meminfo: text,
            groupLimit: limit("memory.max"),
            groupUse: limit("memory.current")
        )
    }

    /// - Parameters:
    ///   - meminfo: The text of that file.
    ///   - groupLimit: What the control group may take; nil: all.
    ///   - groupUse: What it takes.
    init?(meminfo: String, groupLimit: UInt64? = nil, groupUse: UInt64? = nil) {
        func value(_ key: String) -> UInt64? {
            for line in meminfo.split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: " ")
                if parts.count >= 2, parts[0] == "\(key):" {
                    return UInt64(parts[1]).map { $0 * 1_024 }
                }
            }
            return nil
        }
        guard let total = value("MemTotal"), let available = value("MemAvailable") else {
            return nil
        }
        guard let groupLimit, groupLimit < total else {
            (totalBytes, availableBytes) = (total, available)
            return
        }
        totalBytes = groupLimit
        let used = min(groupUse ?? 0, groupLimit)
        availableBytes = min(available, groupLimit - used)
    }

    /// The path of the one group of a unified hierarchy.
    private static func groupPath(_ text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("0::/") {
            return String(line.dropFirst(3))
        }
        return nil
    }

    private static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maxFileBytes)
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

extension String {
    fileprivate var trimmed: String { String(prefix { !$0.isNewline }) }
}
