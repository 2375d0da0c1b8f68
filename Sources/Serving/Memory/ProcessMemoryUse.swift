internal import Glibc

/// The memory of one process, as the system counts it.
struct ProcessMemoryUse {
    private let folder: String

    /// - Parameters:
    ///   - id: The process; nil: this one.
    ///   - root: The folder that stands for `/`.
    init(id: Int32? = nil, root: String = "") {
        folder = root + "/proc/" + (id.map { "\($0)" } ?? "self")
    }

    /// Bytes in memory, those shared with other processes included; 0 if the process is gone.
    var residentBytes: UInt64 { pages.resident * Self.pageBytes }

    /// Bytes in memory that are not in files or shared memory. Memory that the server shares with an
    /// engine host is not in this, and is counted once, with the server.
    var privateBytes: UInt64 {
        let pages = pages
        return (pages.resident - min(pages.shared, pages.resident)) * Self.pageBytes
    }

    /// The proportional set size: a page that several processes map is divided among them. nil if
    /// this process may not read it: a process that cannot be dumped shows it to those with
    /// CAP_SYS_PTRACE alone. Takes milliseconds for each GiB.
    var proportionalBytes: UInt64? {
        SystemMemory.text(folder + "/smaps_rollup")
            .flatMap { SystemMemory.value(of: "Pss:", in: $0) }
            .map { $0 * 1_024 }
    }

    private static let pageBytes = UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))

    /// The second and third number of `statm`, which every process may read of every other.
    private var pages: (resident: UInt64, shared: UInt64) {
        let words = SystemMemory.text(folder + "/statm")?.utf8.split(separator: SystemMemory.space)
        guard let words, words.count > 2, let resident = SystemMemory.number(words[1]),
            let shared = SystemMemory.number(words[2])
        else { return (0, 0) }
        return (resident, shared)
    }
}
