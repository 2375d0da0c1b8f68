internal import COpenSSL
internal import Glibc

/// What a process decides of itself.
package enum OwnProcess {
    /// What the system sends to a process that crashed or is to dump core.
    private static let fatalSignals = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]
    private static let outOfMemoryScorePath = "/proc/self/oom_score_adj"
    /// The system's highest: it is the first to go.
    private static let highestScore = "1000"

    /// This process's id.
    package static var id: Int32 { getpid() }

    /// Its environment's variables whose names `isWanted`, as `NAME=VALUE`.
    package static func environment(where isWanted: (String) -> Bool) -> [String] {
        var found: [String] = []
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let variable = unsafe String(cString: text)
            if isWanted(String(variable.prefix { $0 != "=" })) { found.append(variable) }
            unsafe entry += 1
        }
        return found
    }

    /// Ends it by a fatal signal and does nothing else. Swift's own crash reporter would write
    /// memory around the crash, keys and weights among it, to the log; and it waits for a memory
    /// that it may not read.
    package static func endAtFatalSignals() {
        for fatal in fatalSignals { signal(fatal, SIG_DFL) }
    }

    /// Has it killed when its parent ends.
    /// - Returns: False if that is not this process's parent, or is so no more.
    package static func endWithParent(_ parent: Int32) -> Bool {
        // Asked for first: a parent that ends in between is noticed below.
        shim_prctl_parent_death_signal(SIGKILL) == 0 && getppid() == parent
    }

    /// Lets the system choose this process first when memory runs out. To be called before the
    /// process is undumpable: its files in `/proc` are the superuser's afterwards.
    package static func goFirstOutOfMemory() {
        let descriptor = unsafe open(outOfMemoryScorePath, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        let bytes = Array(highestScore.utf8)
        _ = unsafe write(descriptor, bytes, bytes.count)
        close(descriptor)
    }

    /// Yields to processes of normal priority; one that is nicer already stays so.
    package static func yield(niceness: Int32) {
        // One that cannot be made nicer is only less polite.
        let process = __priority_which_t(PRIO_PROCESS.rawValue)
        _ = setpriority(process, 0, max(getpriority(process, 0), niceness))
    }

    /// Bounds what it may take: bytes of memory that it writes (RLIMIT_DATA), and seconds of all
    /// its threads' time.
    /// - Returns: Whether the system did it.
    package static func limit(memoryBytes: UInt64, cpuSeconds: UInt64) -> Bool {
        set(RLIMIT_DATA, memoryBytes, hard: memoryBytes)
            // At the first it is told by SIGXCPU, which says what it was; at the second killed.
            && set(RLIMIT_CPU, cpuSeconds, hard: cpuSeconds + 1)
    }

    /// Ends at once: nothing is flushed, freed or waited for.
    package static func end(_ status: Int32) -> Never { _exit(status) }

    private static func set(_ resource: __rlimit_resource, _ soft: UInt64, hard: UInt64) -> Bool {
        let resource = __rlimit_resource_t(resource.rawValue)
        var present = rlimit()
        guard unsafe getrlimit(resource, &present) == 0 else { return false }
        // A lower limit that the process was given stays.
        var limit = rlimit(
            rlim_cur: min(rlim_t(soft), present.rlim_max),
            rlim_max: min(rlim_t(hard), present.rlim_max)
        )
        return unsafe setrlimit(resource, &limit) == 0
    }
}
