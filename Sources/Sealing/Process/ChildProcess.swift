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

        init(_ ending: StartedProcess.Ending) {
            switch ending {
            case .exited(let status): self = .exited(status)
            case .killed(let signal): self = .killed(signal)
            }
        }
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

    private let process: StartedProcess
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
        let (ours, theirs) = try SocketPair.make(what)
        let (errors, theirErrors) = try SocketPair.make(what)
        defer {
            close(theirs)
            close(theirErrors)
        }
        do throws(SealingError) {
            process = try StartedProcess(
                program,
                arguments,
                environment: environment,
                descriptors: [theirs, output == .stream ? theirs : theirErrors, theirErrors],
                what: what
            )
        } catch {
            close(ours)
            close(errors)
            throw error
        }
        stream = ours
        errorStream = errors
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
        let left = max(deadline - Self.now, 0)
        if let ending = process.wait(milliseconds: Int(min(left, Int64(Int32.max)))) {
            return Ending(ending)
        }
        process.kill()
        _ = process.wait()
        return .outOfTime
    }

    private static var now: Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
