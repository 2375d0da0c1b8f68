internal import COpenSSL
internal import Glibc

/// What a process decides of itself.
package enum OwnProcess {
    /// What the system sends to a process that crashed or is to dump core.
    private static let fatalSignals = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]
    private static let outOfMemoryScorePath = "/proc/self/oom_score_adj"
    /// The system's highest: it is the first to go.
    private static let highestScore = "1000"

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

    /// Has it killed when its parent ends, the process at the other end of a stream.
    ///
    /// - Parameter stream: One end of a ``SocketPair``, the descriptor that the parent passed.
    /// - Returns: False if the process that made the stream is not the parent, or no longer.
    package static func endWithParent(ofStream stream: Int32) -> Bool {
        // Asked for first: a parent that ends in between is noticed below.
        shim_prctl_parent_death_signal(SIGKILL) == 0 && getppid() == shim_peer_process(stream)
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

    /// Ends at once: nothing is flushed, freed or waited for.
    package static func end(_ status: Int32) -> Never { _exit(status) }
}
