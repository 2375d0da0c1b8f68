internal import RPC
internal import Synchronization
internal import Text
internal import Tracing

/// A tracer whose spans go to a file. What a caller records is recorded, and of calls that are
/// nobody's trace a part.
final class FileTracer: Tracer {
    private let sink: any SpanSink
    private let sampler: Sampler

    /// - Parameter ratio: of calls without a trace, 0 to 1.
    init(sink: any SpanSink, ratio: Double) {
        self.sink = sink
        sampler = Sampler(ratio: ratio)
    }

    func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> FileSpan {
        let parent = context()
        let caller = parent[TraceContextKey.self]
        guard caller?.isSampled ?? sampler.next() else { return FileSpan(unrecorded: parent) }
        return FileSpan(
            operationName,
            kind: kind,
            parent: parent,
            caller: caller,
            startNs: instant().nanosecondsSinceEpoch,
            sink: sink
        )
    }

    func forceFlush() { sink.flush() }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: TraceContext.parentKey.text, from: carrier) else {
            return
        }
        let state = extractor.extract(key: TraceContext.stateKey.text, from: carrier) ?? ""
        context[TraceContextKey.self] = TraceContext(parent: parent, state: state)
    }

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let own = context[TraceContextKey.self] else { return }
        injector.inject(own.parent, forKey: TraceContext.parentKey.text, into: &carrier)
        guard !own.state.isEmpty else { return }
        injector.inject(own.state, forKey: TraceContext.stateKey.text, into: &carrier)
    }
}

/// Chooses an exact part of what it is asked about, evenly, without a random number.
struct Sampler: ~Copyable {
    private static let one = 1 << 20
    private let share: UInt64
    // Relaxed: it is a count and orders no other memory.
    private let count = Atomic<UInt64>(0)

    /// - Parameter ratio: 0 to 1.
    init(ratio: Double) {
        share = UInt64((min(max(ratio, 0), 1) * Double(Self.one)).rounded())
    }

    func next() -> Bool {
        guard share > 0 else { return false }
        let (before, after) = count.wrappingAdd(share, ordering: .relaxed)
        return before / UInt64(Self.one) != after / UInt64(Self.one)
    }
}

/// A span of a ``FileTracer``. Events and links are not kept: the server makes none.
final class FileSpan: Span {
    private struct State {
        var name: String
        var attributes = SpanAttributes()
        var status: SpanStatus?
        var isEnded = false
    }

    let context: ServiceContext
    private let caller: TraceContext?
    private let kind: SpanKind
    private let startNs: UInt64
    /// Nil: nothing is recorded.
    private let sink: (any SpanSink)?
    private let state: Mutex<State>

    fileprivate init(unrecorded context: ServiceContext) {
        self.context = context
        caller = nil
        kind = .internal
        startNs = 0
        sink = nil
        state = Mutex(State(name: ""))
    }

    fileprivate init(
        _ name: String,
        kind: SpanKind,
        parent: ServiceContext,
        caller: TraceContext?,
        startNs: UInt64,
        sink: any SpanSink
    ) {
        var random = SystemRandomNumberGenerator()
        var own = parent
        own[TraceContextKey.self] = TraceContext(
            traceID: caller?.traceID ?? Self.hexadecimal(random.next())
                + Self.hexadecimal(
                    random.next(in: 1...)
                ),
            spanID: Self.hexadecimal(random.next(in: 1...)),
            isSampled: true,
            state: caller?.state ?? ""
        )
        context = own
        self.caller = caller
        self.kind = kind
        self.startNs = startNs
        self.sink = sink
        state = Mutex(State(name: name))
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    var isRecording: Bool { sink != nil && state.withLock { !$0.isEnded } }

    var operationName: String {
        get { state.withLock { $0.name } }
        set { state.withLock { $0.name = newValue } }
    }

    var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set { state.withLock { $0.attributes = newValue } }
    }

    func setStatus(_ status: SpanStatus) { state.withLock { $0.status = status } }

    func addEvent(_ event: SpanEvent) {}

    func addLink(_ link: SpanLink) {}

    func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        setStatus(SpanStatus(code: .error))
    }

    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let sink, let own = context[TraceContextKey.self] else { return }
        let ended = state.withLock { state -> State? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            return state
        }
        guard let ended else { return }
        sink.add(
            EndedSpan(
                context: own,
                parentSpanID: caller?.spanID,
                name: ended.name,
                kind: kind,
                startNs: startNs,
                endNs: max(instant().nanosecondsSinceEpoch, startNs),
                attributes: ended.attributes,
                isError: ended.status?.code == .error
            )
        )
    }
}

extension SystemRandomNumberGenerator {
    fileprivate mutating func next(in range: PartialRangeFrom<UInt64>) -> UInt64 {
        UInt64.random(in: range.lowerBound...UInt64.max, using: &self)
    }
}
