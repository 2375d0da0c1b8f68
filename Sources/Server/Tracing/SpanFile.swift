internal import Dispatch
internal import Logging
internal import Synchronization

/// Where ended spans go.
protocol SpanSink: Sendable {
    /// Takes a span; does not wait for it to be written.
    func add(_ span: EndedSpan)
    /// Writes what it has; returns when that is done.
    func flush()
}

/// Writes spans to a file as lines of OTLP in JSON, some at a time, on a thread of its own.
///
/// What cannot be written in time is dropped and counted, never waited for. The file is opened for
/// each line, so that it may be moved away; when it has its size, it is moved to a name with `.1`
/// behind it, in place of the one before.
final class SpanFile: SpanSink {
    /// Spans that wait to be written; more are dropped.
    static let maxWaiting = 8_192
    /// How long a span waits for others, in milliseconds.
    static let delayMs = 200
    /// Bytes of a file; there are two at most.
    static let maxBytes = 256 << 20

    private static let mode: UInt32 = 0o640

    private struct State {
        var waiting: [EndedSpan] = []
        var dropped = 0
        var isScheduled = false
        /// Whether the last write failed: said once.
        var failed = false
    }

    private let path: String
    private let maxBytes: Int
    private let delayMs: Int
    private let trust: HomeTrust
    private let logger: Logger
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "strongroom.tracing", qos: .utility)

    /// - Throws: ``ServerError`` if the file cannot be written to, or others may write it.
    init(
        path: String,
        maxBytes: Int = SpanFile.maxBytes,
        delayMs: Int = SpanFile.delayMs,
        trust: HomeTrust = .strict,
        logger: Logger
    ) throws(ServerError) {
        self.path = path
        self.maxBytes = maxBytes
        self.delayMs = delayMs
        self.trust = trust
        self.logger = logger
        _ = try Files.append(path, text: "", mode: Self.mode, trust.rules)
    }

    /// Spans that were dropped since the last line.
    var dropped: Int { state.withLock { $0.dropped } }

    func add(_ span: EndedSpan) {
        let isFirst = state.withLock { state in
            guard state.waiting.count < Self.maxWaiting else {
                state.dropped += 1
                return false
            }
            state.waiting.append(span)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        guard isFirst else { return }
        queue.asyncAfter(deadline: .now() + .milliseconds(delayMs)) { self.write() }
    }

    func flush() { queue.sync { write() } }

    private func write() {
        let (spans, dropped) = state.withLock { state in
            let taken = (state.waiting, state.dropped)
            state.waiting = []
            state.dropped = 0
            state.isScheduled = false
            return taken
        }
        if dropped > 0 {
            logger.warning("spans were dropped", metadata: ["spans": "\(dropped)"])
        }
        guard !spans.isEmpty else { return }
        do {
            let size = try Files.append(
                path,
                text: EndedSpan.request(spans),
                mode: Self.mode,
                trust.rules
            )
            if size >= maxBytes { try Files.rename(path, to: path + ".1") }
            state.withLock { $0.failed = false }
        } catch {
            let isNew = state.withLock { state in
                defer { state.failed = true }
                return !state.failed
            }
            guard isNew else { return }
            logger.error("spans cannot be written", metadata: ["error": "\(error)"])
        }
    }
}
