internal import COpenSSL
internal import Glibc
internal import Synchronization

/// A program that this process has started, with the given descriptors and nothing else open.
///
/// It leads a process group of its own, so that what it starts ends with it. Its id is signalled
/// only until its end was waited for: the system may give the id to another process then.
package final class StartedProcess: Sendable {
    /// The way in which a process ended.
    package enum Ending: Sendable, Equatable {
        /// With an exit status.
        case exited(Int32)
        /// By a signal.
        case killed(Int32)
    }

    private static let pauseUs: UInt32 = 1_000

    /// The id, which is also the one of its group.
    package let id: Int32
    private let ending = Mutex<Ending?>(nil)

    /// Starts a program, with no signal blocked and none ignored.
    ///
    /// The parent-death signal that the program may ask for is sent when the *thread* of this call
    /// ends.
    ///
    /// - Parameters:
    ///   - program: A path, or a name that is looked for as a shell does.
    ///   - arguments: Its own name first.
    ///   - environment: `NAME=VALUE` each; nil: this process's.
    ///   - descriptors: The descriptors 0, 1, 2 and so on of the program, by their numbers here.
    ///   - what: The program, in messages.
    /// - Throws: `keyAccess` if it cannot be started.
    package init(
        _ program: String,
        _ arguments: [String],
        environment: [String]? = nil,
        descriptors: [Int32],
        what: String
    ) throws(SealingError) {
        let sources = try ChildDescriptors(descriptors, what: what)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in sources.numbers.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
        }
        // All of this process's close on exec; one that a library forgot does now.
        unsafe shim_spawn_close_from(&actions, Int32(descriptors.count))
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        Self.setSignals(&attributes)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        let texts = CStringList(arguments)
        let variables = environment.map { CStringList($0) }
        var child: pid_t = 0
        let number = withExtendedLifetime((texts, variables, sources)) {
            unsafe posix_spawnp(
                &child,
                program,
                &actions,
                &attributes,
                texts.pointers,
                variables?.pointers ?? environ
            )
        }
        guard number == 0 else {
            throw .system(.keyAccess, "\(what) cannot be started", errno: number)
        }
        id = child
    }

    /// No signal blocked and none ignored, whatever this process and this thread do: a command
    /// relies on its SIGPIPE, and on being ended by SIGTERM.
    private static func setSignals(_ attributes: inout posix_spawnattr_t) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    }

    /// Ends the process and its group by SIGKILL; nothing if its end was waited for.
    package func kill() {
        ending.withLock { if $0 == nil { _ = Glibc.kill(-id, SIGKILL) } }
    }

    /// Lifts the soft limit of its processor time (RLIMIT_CPU), up to the hard one.
    ///
    /// - Returns: Whether the system did it.
    package func liftTimeLimit() -> Bool {
        let resource = Int32(RLIMIT_CPU.rawValue)
        return ending.withLock { ending in
            var limit = rlimit()
            guard ending == nil, unsafe shim_prlimit(id, resource, nil, &limit) == 0 else {
                return false
            }
            limit.rlim_cur = limit.rlim_max
            return unsafe shim_prlimit(id, resource, &limit, nil) == 0
        }
    }

    /// Waits for its end, for a bounded time; nil: it has not ended. The process is reaped.
    package func wait(milliseconds: Int) -> Ending? {
        let begin = ContinuousClock.now
        repeat {
            if let ending = reaped() { return ending }
            // Its streams may be closed already: its end is near, and nothing announces it.
            usleep(Self.pauseUs)
        } while ContinuousClock.now - begin < .milliseconds(milliseconds)
        return reaped()
    }

    /// Waits for its end; after ``kill()`` that is the time that the system takes.
    package func wait() -> Ending {
        while true {
            if let ending = wait(milliseconds: Int(Int32.max)) { return ending }
        }
    }

    private func reaped() -> Ending? {
        ending.withLock { ending in
            if let ending { return ending }
            var status: Int32 = 0
            let found = unsafe waitpid(id, &status, WNOHANG)
            if found == id {
                ending =
                    status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(status & 0x7F)
            } else if found == -1, errno == ECHILD {
                // Reaped elsewhere, which nothing in this process does: how it ended is lost.
                ending = .killed(SIGKILL)
            }
            return ending
        }
    }
}

/// Numbers of descriptors for a new process, each at least as high as the number that it will have
/// there: so none is overwritten before it is copied.
private final class ChildDescriptors {
    let numbers: [Int32]
    /// Copies that were made for that.
    private let copies: [Int32]

    init(_ descriptors: [Int32], what: String) throws(SealingError) {
        var numbers: [Int32] = []
        var copies: [Int32] = []
        for descriptor in descriptors {
            guard descriptor < descriptors.count else {
                numbers.append(descriptor)
                continue
            }
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, Int32(descriptors.count))
            guard copy >= 0 else {
                let number = errno
                for copy in copies { close(copy) }
                throw .system(.keyAccess, "no descriptor for \(what)", errno: number)
            }
            copies.append(copy)
            numbers.append(copy)
        }
        self.numbers = numbers
        self.copies = copies
    }

    deinit { for copy in copies { close(copy) } }
}
