internal import Glibc

/// The system's figures of memory: the bytes that the server and its engine hosts hold, and may
/// still take.
package struct SystemMemory: Sendable {
    /// Bytes, at one instant.
    package struct Reading: Sendable, Equatable {
        /// Bytes that the server and its hosts hold in memory.
        package var residentBytes: UInt64
        /// Bytes that the machine, every control group around the process, and its own limit have
        /// left; clean files, which the system can drop at once, count as left. The largest number
        /// where nothing is said.
        package var availableBytes: UInt64
        /// Bytes that the machine, every control group around the process, and its own limit let
        /// it have at most.
        package var totalBytes: UInt64

        package init(residentBytes: UInt64, availableBytes: UInt64, totalBytes: UInt64 = .max) {
            self.residentBytes = residentBytes
            self.availableBytes = availableBytes
            self.totalBytes = totalBytes
        }
    }

    private let read: @Sendable () -> Reading
    private let resident: @Sendable () -> UInt64
    private let own: @Sendable () -> UInt64
    private let peak: @Sendable () -> UInt64

    /// Memory that a closure tells of. Without `peak` it is what the process holds at the moment.
    package init(
        peak: (@Sendable () -> UInt64)? = nil,
        _ read: @escaping @Sendable () -> Reading
    ) {
        let resident: @Sendable () -> UInt64 = { read().residentBytes }
        self.init(reading: read, resident: resident, own: resident, peak: peak ?? resident)
    }

    private init(
        reading read: @escaping @Sendable () -> Reading,
        resident: @escaping @Sendable () -> UInt64,
        own: @escaping @Sendable () -> UInt64,
        peak: @escaping @Sendable () -> UInt64
    ) {
        self.read = read
        self.resident = resident
        self.own = own
        self.peak = peak
    }

    /// Asks. Reads files of the system, so not for an event loop.
    package func now() -> Reading { read() }

    /// Bytes that the server and its hosts hold now. Reads one file for each process, where ``now()``
    /// reads half a dozen more.
    package var residentBytes: UInt64 { resident() }

    /// Bytes that this process alone holds now.
    var ownBytes: UInt64 { own() }

    /// The most that this process alone ever held.
    package var peakBytes: UInt64 { peak() }

    /// The system's own word.
    package static let system = SystemMemory(root: "")

    /// As ``system``, below another folder than `/`.
    init(root: String, hosts: HostedProcesses = .shared) {
        let own: @Sendable () -> UInt64 = { ProcessMemoryUse(root: root).residentBytes }
        let resident: @Sendable () -> UInt64 = {
            hosts.ids.reduce(own()) { $0 + ProcessMemoryUse(id: $1, root: root).privateBytes }
        }
        self.init(
            reading: {
                let bounds = [Self.machine(root), Self.groups(root), Self.ownLimit(root)]
                return Reading(
                    residentBytes: resident(),
                    availableBytes: bounds.reduce(.max) { min($0, $1.left) },
                    totalBytes: bounds.reduce(.max) { min($0, $1.limit) }
                )
            },
            resident: resident,
            own: own,
            peak: { Self.status("VmHWM:", root) ?? 0 }
        )
    }

    /// For a process that may open no file: its own peak, and a limit of its memory.
    ///
    /// The peak begins with the one of the process that started it, so that smaller needs than that
    /// do not show; the limit itself bounds what is then tried.
    static func sandboxed(limitBytes: UInt64) -> SystemMemory {
        let peak: @Sendable () -> UInt64 = {
            var usage = rusage()
            guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return 0 }
            return UInt64(max(usage.ru_maxrss, 0)) * 1_024
        }
        return SystemMemory(peak: peak) {
            let used = peak()
            return Reading(
                residentBytes: used,
                availableBytes: limitBytes > used ? limitBytes - used : 0,
                totalBytes: limitBytes
            )
        }
    }

    /// What something lets the process have, and what of that is left; the most where it does not
    /// say.
    private struct Bound {
        var limit = UInt64.max
        var left = UInt64.max
    }

    private static func machine(_ root: String) -> Bound {
        guard let text = text(root + "/proc/meminfo"),
            let available = value(of: "MemAvailable:", in: text)
        else { return Bound() }
        let total = value(of: "MemTotal:", in: text) ?? available
        return Bound(limit: total * 1_024, left: available * 1_024)
    }

    /// The process's own limit of memory that it writes (RLIMIT_DATA).
    private static func ownLimit(_ root: String) -> Bound {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0,
            limit.rlim_cur < rlim_t.max, let used = status("VmData:", root)
        else { return Bound() }
        let bytes = UInt64(limit.rlim_cur)
        return Bound(limit: bytes, left: bytes > used ? bytes - used : 0)
    }

    /// A figure of the process's own, in bytes.
    private static func status(_ name: String, _ root: String) -> UInt64? {
        text(root + "/proc/self/status").flatMap { value(of: name, in: $0) }.map { $0 * 1_024 }
    }

    /// How the two versions of control groups name the same.
    private struct GroupFiles {
        let limit: String
        let usage: String
        let droppable: String

        static let v2 = GroupFiles(
            limit: "memory.max",
            usage: "memory.current",
            droppable: "inactive_file"
        )
        static let v1 = GroupFiles(
            limit: "memory.limit_in_bytes",
            usage: "memory.usage_in_bytes",
            droppable: "total_inactive_file"
        )
    }

    /// The least that any group around the process has, and has left.
    private static func groups(_ root: String) -> Bound {
        guard let text = text(root + "/proc/self/cgroup") else { return Bound() }
        var least = Bound()
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let top: String
            let files: GroupFiles
            if parts[0] == "0", parts[1].isEmpty {
                (top, files) = (root + "/sys/fs/cgroup", .v2)
            } else if parts[1].split(separator: ",").contains("memory") {
                (top, files) = (root + "/sys/fs/cgroup/memory", .v1)
            } else {
                continue
            }
            var names = parts[2].split(separator: "/")
            while true {
                let folder = ([top] + names.map(String.init)).joined(separator: "/")
                let bound = bound(of: folder, files)
                least.limit = min(least.limit, bound.limit)
                least.left = min(least.left, bound.left)
                if names.popLast() == nil { break }
            }
        }
        return least
    }

    private static func bound(of folder: String, _ files: GroupFiles) -> Bound {
        guard let limit = number(folder + "/" + files.limit),
            let usage = number(folder + "/" + files.usage)
        else { return Bound() }
        let stat = text(folder + "/memory.stat") ?? ""
        let droppable = value(of: files.droppable, in: stat) ?? 0
        let used = usage > droppable ? usage - droppable : 0
        return Bound(limit: limit, left: limit > used ? limit - used : 0)
    }

    /// The number behind a name at the beginning of a line.
    static func value(of name: String, in text: String) -> UInt64? {
        for line in text.utf8.split(separator: newline) where line.starts(with: name.utf8) {
            let words = line.split { $0 == space || $0 == tab }
            if words.count > 1, words[0].elementsEqual(name.utf8) { return number(words[1]) }
        }
        return nil
    }

    private static func number(_ path: String) -> UInt64? {
        text(path).flatMap { number($0.utf8.split(separator: newline).first ?? "".utf8[...]) }
    }

    static func number(_ text: Substring.UTF8View) -> UInt64? { UInt64(Substring(text)) }

    private static let newline = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
    private static let tab = UInt8(ascii: "\t")

    private static let maxFileBytes = 64 << 10

    static func text(_ path: String) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: maxFileBytes)
        let count = unsafe Glibc.read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
