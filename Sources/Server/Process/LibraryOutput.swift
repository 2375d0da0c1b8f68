internal import Engine
internal import Glibc
internal import Hosting
internal import Logging
internal import NIOCore
internal import Serving
internal import Synchronization

/// The output that libraries in this process write to its standard streams by themselves.
///
/// RE2 in ONNX Runtime, for one, writes to standard error what it does not like of a pattern, for
/// each text that a caller sends. Descriptors 1 and 2 are therefore the end of a pipe. A thread
/// reads the other end and logs a bounded number of lines, escaped; see ``LibraryOutputLines``.
/// Writers never wait: what the pipe has no room for is lost.
///
/// A process that crashes has often written why, as a failed precondition or `std::terminate`
/// does. On a fatal signal the pipe is therefore given a moment to be read; what is then still in
/// it is written to the log as it is, but for its control characters.
enum LibraryOutput {
    /// Milliseconds without output after which a line without a line break is logged.
    private static let pauseMs: Int32 = 50
    /// Milliseconds that the end of the process waits for the reader.
    private static let patienceMs = 100
    private static let readBytes = 4_096
    private static let fatalSignals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    private static let readEnd = Atomic<Int32>(-1)
    /// Whether the reader holds bytes that are not logged yet.
    private static let isReading = Atomic<Bool>(false)
    private static let isEnding = Atomic<Bool>(false)
    private static let isCrashing = Atomic<Bool>(false)
    /// Room for the signal handler, which must not allocate.
    nonisolated(unsafe) private static let crashBuffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: readBytes,
        alignment: 1
    )
    /// The versions that run at a moment; nothing before there are any.
    private static let running = Mutex<@Sendable () -> [String]>({ [] })

    /// Puts the pipe in place. Before any library is loaded that may write, once in a process.
    static func capture(_ logger: Logger) throws(ServerError) {
        LogOutput.keep()
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0, let reading = moved(ends[0]), let writing = moved(ends[1]),
            dup2(writing, STDOUT_FILENO) >= 0, dup2(writing, STDERR_FILENO) >= 0
        else { throw ServerError("standard error cannot be captured: no descriptor is free") }
        close(writing)
        readEnd.store(reading, ordering: .relaxed)
        WorkerThread.start("library-output") { read(reading, logger) }
        handleCrashes()
    }

    /// Names what runs, for the lines to come.
    static func attribute(_ versions: @escaping @Sendable () -> [String]) {
        running.withLock { $0 = versions }
    }

    /// Waits, for a bounded time, until all that was written is logged: the process ends.
    static func finish() {
        let descriptor = readEnd.load(ordering: .relaxed)
        guard descriptor >= 0 else { return }
        isEnding.store(true, ordering: .sequentiallyConsistent)
        for _ in 0..<patienceMs {
            guard hasInput(descriptor, waitMs: 0) || isHeld else { return }
            usleep(1_000)
        }
    }

    private static var isHeld: Bool { isReading.load(ordering: .sequentiallyConsistent) }

    /// The descriptor under another number: it may have that of a standard stream that was closed.
    /// It closes on exec, and no call on it waits.
    private static func moved(_ descriptor: Int32) -> Int32? {
        let moved = LogOutput.duplicate(descriptor)
        close(descriptor)
        guard moved >= 0, fcntl(moved, F_SETFL, O_NONBLOCK) == 0 else { return nil }
        return moved
    }

    private static func hasInput(_ descriptor: Int32, waitMs: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&polled, 1, waitMs) > 0
    }

    // MARK: Reading

    private static func read(_ descriptor: Int32, _ logger: Logger) {
        var lines = LibraryOutputLines()
        var buffer = [UInt8](repeating: 0, count: readBytes)
        while true {
            let hasInput = hasInput(descriptor, waitMs: lines.isIdle ? -1 : pauseMs)
            isReading.store(true, ordering: .sequentiallyConsistent)
            let now = NIODeadline.now().uptimeNanoseconds
            if hasInput {
                let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
                log(lines.take(buffer.prefix(max(count, 0)), nowNs: now), logger)
            } else if isEnding.load(ordering: .relaxed) {
                log(lines.finish(nowNs: now), logger)
            } else {
                log(lines.settle(nowNs: now), logger)
            }
            isReading.store(!lines.isIdle, ordering: .sequentiallyConsistent)
        }
    }

    private static func log(_ entries: [LibraryOutputLines.Entry], _ logger: Logger) {
        guard !entries.isEmpty else { return }
        let versions = running.withLock { $0 }()
        var metadata: Logger.Metadata = [:]
        if !versions.isEmpty { metadata["running"] = "\(versions.joined(separator: ", "))" }
        for entry in entries { entry.log(to: logger, as: "library output", metadata) }
    }

    // MARK: Crashes

    private static func handleCrashes() {
        // Made now, and not in a handler.
        _ = unsafe crashBuffer
        for fatal in fatalSignals {
            signal(fatal) { number in
                LibraryOutput.forwardAtCrash()
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    /// Calls only what a signal handler may.
    private static func forwardAtCrash() {
        guard !isCrashing.exchange(true, ordering: .sequentiallyConsistent) else { return }
        finish()
        let descriptor = readEnd.load(ordering: .relaxed)
        while true {
            let count = unsafe Glibc.read(descriptor, crashBuffer.baseAddress, crashBuffer.count)
            guard count > 0 else { return }
            for index in 0..<count where unsafe !isPrintable(crashBuffer[index]) {
                unsafe crashBuffer[index] = UInt8(ascii: "?")
            }
            _ = unsafe Glibc.write(LogOutput.descriptor, crashBuffer.baseAddress, count)
        }
    }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) || byte == UInt8(ascii: "\n")
    }
}
