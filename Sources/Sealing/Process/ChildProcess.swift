internal import COpenSSL
internal import Glibc

/// A program whose standard streams are this process's, with nothing else of this process open.
///
/// Its standard input is one end of a stream, on which it may also answer. It has a group of its
/// own, so that what it starts ends with it. Calls block.
package struct ChildProcess: Sendable {
    /// Where its standard output goes.
    package enum Output: Sendable {
        /// To the stream that its standard input is.
        case stream
        /// Where its standard error goes: it answers on its standard input.
        case errors
    }

    /// How it ended.
    package enum Ending: Sendable, Equatable {
        case exited(Int32)
        /// By a signal.
        case killed(Int32)
        /// It did not end in time, and was killed.
        case outOfTime
    }

    /// Its end and its output.
    package struct Outcome: Sendable {
        package let ending: Ending
        /// The beginning of what it wrote to standard error, on one line.
        package let errors: String
        /// All bytes that it wrote to standard error.
        package let errorBytes: Int
    }

    private static let maxErrorBytes = 1_024
    /// Bytes that are read of its answers at once.
    private static let readBytes = 64 << 10

    private let pid: pid_t
    /// Its standard input, and maybe its output; and its standard error.
    private let stream: Int32
    private let errorStream: Int32

    /// Starts it, with no signal blocked and none ignored.
    ///
    /// - Parameters:
    ///   - program: A path, or a name that is looked for as a shell does.
    ///   - arguments: Its own name first.
    ///   - environment: `NAME=VALUE` each; nil: this process's.
    ///   - what: It, in messages.
    /// - Throws: `keyAccess` if it cannot be started.
    package init(
        _ program: String,
        _ arguments: [String],
        environment: [String]? = nil,
        output: Output,
        what: String
    ) throws(SealingError) {
        // Sockets: they are closed on exec from their making on, unlike pipes here.
        let (ours, theirs) = try Self.socketPair(what)
        let (errors, theirErrors) = try Self.socketPair(what)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let theirOutput = output == .stream ? theirs : theirErrors
        for (source, target) in [(theirs, Int32(0)), (theirOutput, 1), (theirErrors, 2)] {
            unsafe posix_spawn_file_actions_adddup2(&actions, source, target)
        }
        // All of this process's close on exec; one that a library forgot does now.
        unsafe shim_spawn_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        Self.setSignals(&attributes)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        let texts = CStringList(arguments)
        let variables = environment.map { CStringList($0) }
        var child: pid_t = 0
        let number = withExtendedLifetime((texts, variables)) {
            unsafe posix_spawnp(
                &child,
                program,
                &actions,
                &attributes,
                texts.pointers,
                variables?.pointers ?? environ
            )
        }
        close(theirs)
        close(theirErrors)
        guard number == 0 else {
            close(ours)
            close(errors)
            throw .system(.keyAccess, "\(what) cannot be started", errno: number)
        }
        pid = child
        stream = ours
        errorStream = errors
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

    private static func socketPair(_ what: String) throws(SealingError) -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw .system(.keyAccess, "no socket for \(what)", errno: errno)
        }
        return (ends[0], ends[1])
    }

    /// Sends bytes to its standard input; it may not read them, or end before: that shows in how
    /// it ends.
    ///
    /// - Parameter seconds: How long it may leave them unread, each time.
    package func send(_ bytes: RawSpan, seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(stream, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var left = bytes
        while left.byteCount > 0 {
            let count = unsafe left.withUnsafeBytes { source in
                unsafe Glibc.send(stream, source.baseAddress, source.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 || errno == EINTR else { return }
            left = left.extracting(max(count, 0)..<left.byteCount)
        }
    }

    /// As the other one for bytes that are no secret.
    package func send(_ bytes: [UInt8], seconds: Int) {
        bytes.withRawSpan { send($0, seconds: seconds) }
    }

    /// Ends its standard input.
    package func endInput() {
        shutdown(stream, Int32(SHUT_WR))
    }

    /// Reads what it answers, and waits for its end. The last call on it.
    ///
    /// - Parameters:
    ///   - seconds: How long it may take from now on; then it is killed.
    ///   - take: Gets what it wrote; false: enough, no more is read.
    package func follow(seconds: Int, _ take: ([UInt8]) -> Bool) -> Outcome {
        var buffer = [UInt8](repeating: 0, count: Self.readBytes)
        return follow(seconds: seconds) { stream in
            let count = unsafe recv(stream, &buffer, buffer.count, 0)
            return count > 0 && take(Array(buffer.prefix(count)))
        }
    }

    /// As ``follow(seconds:_:)``, with the reading left to `read`: false at the end of the stream,
    /// or of what is wanted of it.
    func follow(seconds: Int, read: (_ stream: Int32) -> Bool) -> Outcome {
        let deadline = Self.now + Int64(seconds) * 1_000
        var errors: [UInt8] = []
        var errorBytes = 0
        var open = [stream, errorStream]
        while !open.isEmpty {
            var polled = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let left = min(deadline - Self.now, Int64(Int32.max))
            guard left > 0 else { break }
            guard unsafe poll(&polled, nfds_t(polled.count), Int32(left)) > 0 else { continue }
            for entry in polled where entry.revents != 0 {
                var isOpen = true
                if entry.fd == stream {
                    isOpen = read(stream)
                } else {
                    let count = Self.readErrors(entry.fd, into: &errors)
                    errorBytes += count
                    isOpen = count > 0
                }
                if !isOpen { open.removeAll { $0 == entry.fd } }
            }
        }
        close(stream)
        close(errorStream)
        return Outcome(
            ending: end(deadline: deadline),
            errors: String(decoding: errors, as: UTF8.self)
                .split(whereSeparator: \.isNewline).joined(separator: "; "),
            errorBytes: errorBytes
        )
    }

    /// Reads what there is, and keeps it up to ``maxErrorBytes``.
    /// - Returns: The bytes read; 0 at the end.
    private static func readErrors(_ stream: Int32, into errors: inout [UInt8]) -> Int {
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = max(unsafe recv(stream, &buffer, buffer.count, 0), 0)
        errors += buffer.prefix(min(count, maxErrorBytes - errors.count))
        return count
    }

    private func end(deadline: Int64) -> Ending {
        var status: Int32 = 0
        repeat {
            let ended = unsafe waitpid(pid, &status, WNOHANG)
            if ended == pid {
                return status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(status & 0x7F)
            }
            guard ended == 0 || errno == EINTR, Self.now < deadline else { break }
            // It has closed its streams: its end is near, and nothing tells of it.
            usleep(1_000)
        } while true
        kill(-pid, SIGKILL)
        while unsafe waitpid(pid, &status, 0) == -1, errno == EINTR {}
        return .outOfTime
    }

    private static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Texts as C wants a list of them: a null pointer behind the last. The pointers are good for as
/// long as it is there.
@safe private final class CStringList {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ texts: [String]) {
        count = texts.count
        unsafe pointers = .allocate(capacity: count + 1)
        for (index, text) in texts.enumerated() {
            unsafe (pointers + index).initialize(to: strdup(text))
        }
        unsafe (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}
