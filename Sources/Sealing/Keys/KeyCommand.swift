internal import Glibc

/// The operator's command for keys: run with `wrap` or `unwrap` and a key's id as its last two
/// arguments, one line on its standard input, one on its standard output, exit 0.
struct KeyCommand: Sendable {
    private let arguments: [String]

    /// - Parameter text: The program and its arguments, split at spaces. There is no shell.
    init(_ text: String) throws(SealingError) {
        arguments = text.split(separator: " ").map(String.init)
        guard !arguments.isEmpty else {
            throw SealingError(.format, "keys: exec: names no command")
        }
    }

    /// Runs it to its end.
    ///
    /// - Returns: The line that it wrote, with its line feed.
    /// - Throws: `keyAccess` if it cannot be started, takes longer than
    ///   ``SealingLimits/keyCommandSeconds``, exits other than with 0, or writes anything but
    ///   one line of at most ``SealingLimits/maxKeyCommandBytes``.
    func run(_ verb: String, id: String, input: SecretBuffer) throws(SealingError) -> SecretBuffer {
        let process = try ChildProcess(arguments + [verb, id])
        let outcome = process.exchange(
            input,
            output: try SecretBuffer(byteCount: SealingLimits.maxKeyCommandBytes),
            seconds: SealingLimits.keyCommandSeconds
        )
        guard outcome.isInTime else {
            throw failure(verb, "took longer than \(SealingLimits.keyCommandSeconds) s", outcome)
        }
        guard outcome.status == 0 else {
            throw failure(verb, "ended with status \(outcome.status)", outcome)
        }
        let count = outcome.outputBytes
        let isLine = outcome.output.withBytes { bytes in
            (1...bytes.byteCount).contains(count)
                && (0..<count).filter { bytes.byte(at: $0) == UInt8(ascii: "\n") } == [count - 1]
                && count > 1
        }
        guard isLine else { throw failure(verb, "did not answer one line", outcome) }
        let line = try SecretBuffer(byteCount: count)
        line.withMutableBytes(0..<count) { target in
            outcome.output.withBytes { target.copy($0.extracting(0..<count), at: 0) }
        }
        return line
    }

    private func failure(
        _ verb: String,
        _ what: String,
        _ outcome: ChildProcess.Outcome
    ) -> SealingError {
        let said = outcome.errors.isEmpty ? "" : ": \(outcome.errors)"
        return SealingError(.keyAccess, "the key command (\(verb)) \(what)\(said)")
    }
}

/// A program whose standard streams are this process's, with nothing else of this process open.
private struct ChildProcess {
    struct Outcome {
        let output: SecretBuffer
        var outputBytes = 0
        /// What it wrote to standard error, cut.
        var errors = ""
        var isInTime = true
        var status: Int32 = -1
    }

    private static let maxErrorBytes = 1_024

    private let pid: pid_t
    /// Its standard input and output; and its standard error.
    private let stream: Int32
    private let errorStream: Int32

    init(_ arguments: [String]) throws(SealingError) {
        // Sockets: they are closed on exec from their making on, unlike pipes here.
        let (ours, theirs) = try Self.socketPair()
        let (errors, theirErrors) = try Self.socketPair()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (source, target) in [(theirs, Int32(0)), (theirs, 1), (theirErrors, 2)] {
            unsafe posix_spawn_file_actions_adddup2(&actions, source, target)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        Self.setSignals(&attributes)
        // A group of its own: what it starts ends with it.
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var texts = unsafe arguments.map { unsafe strdup($0) }
        defer { unsafe texts.forEach { unsafe free($0) } }
        unsafe texts.append(nil)
        var child: pid_t = 0
        let number = unsafe posix_spawnp(
            &child,
            arguments[0],
            &actions,
            &attributes,
            texts,
            environ
        )
        close(theirs)
        close(theirErrors)
        guard number == 0 else {
            close(ours)
            close(errors)
            throw .system(.keyAccess, "the key command cannot be started", errno: number)
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

    private static func socketPair() throws(SealingError) -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw .system(.keyAccess, "no socket for the key command", errno: errno)
        }
        return (ends[0], ends[1])
    }

    /// Gives it its input, reads what it writes, and waits for its end.
    func exchange(_ input: SecretBuffer, output: SecretBuffer, seconds: Int) -> Outcome {
        var outcome = Outcome(output: output)
        // It may not read it, or end before: that shows in its status.
        input.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { source in
                _ = unsafe send(stream, source.baseAddress, source.count, Int32(MSG_NOSIGNAL))
            }
        }
        shutdown(stream, Int32(SHUT_WR))
        let deadline = Self.now + Int64(seconds) * 1_000
        var errors: [UInt8] = []
        var open = [stream, errorStream]
        while !open.isEmpty, outcome.isInTime {
            var polled = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let left = deadline - Self.now
            guard left > 0, unsafe poll(&polled, nfds_t(polled.count), Int32(left)) != 0 else {
                outcome.isInTime = false
                break
            }
            for entry in polled where entry.revents != 0 {
                let isOpen =
                    entry.fd == stream
                    ? readOutput(&outcome) : Self.readErrors(entry.fd, into: &errors)
                if !isOpen { open.removeAll { $0 == entry.fd } }
            }
        }
        close(stream)
        close(errorStream)
        end(&outcome, deadline: deadline)
        outcome.errors = String(decoding: errors, as: UTF8.self)
            .split(whereSeparator: \.isNewline).joined(separator: "; ")
        return outcome
    }

    /// False at the end of the stream, or when it is too long.
    private func readOutput(_ outcome: inout Outcome) -> Bool {
        let room = outcome.outputBytes..<outcome.output.byteCount
        guard !room.isEmpty else {
            // One byte too many is no line, whatever follows.
            var byte: UInt8 = 0
            if unsafe recv(stream, &byte, 1, 0) > 0 { outcome.outputBytes = 0 }
            return false
        }
        let count = outcome.output.withMutableBytes(room) { target in
            unsafe target.withUnsafeMutableBytes { buffer in
                unsafe recv(stream, buffer.baseAddress, buffer.count, 0)
            }
        }
        guard count > 0 else { return false }
        outcome.outputBytes += count
        return true
    }

    private static func readErrors(_ stream: Int32, into errors: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = unsafe recv(stream, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        errors += buffer.prefix(min(count, maxErrorBytes - errors.count))
        return true
    }

    private func end(_ outcome: inout Outcome, deadline: Int64) {
        var status: Int32 = 0
        while outcome.isInTime {
            let ended = unsafe waitpid(pid, &status, WNOHANG)
            if ended == pid {
                outcome.status = status & 0x7F == 0 ? status >> 8 & 0xFF : -1
                return
            }
            guard ended == 0 || errno == EINTR, Self.now < deadline else { break }
            // It has closed its streams: its end is near, and nothing tells of it.
            usleep(1_000)
        }
        outcome.isInTime = false
        kill(-pid, SIGKILL)
        while unsafe waitpid(pid, &status, 0) == -1, errno == EINTR {}
    }

    private static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
