import Foundation
import JSON
import Logging
import NIOCore
import NIOEmbedded
import RPC
import Synchronization
import Testing
import Text
import Tracing
import Wire

@testable import Server
@testable import Serving

@Suite("Spans of calls")
struct CallTracingTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    private final class Connection: CallConnection {
        let eventLoop: any EventLoop = EmbeddedEventLoop()
        let logger = Logger(label: "test")
        func deliver(_ answer: CallAnswer, of call: Call) {}
    }

    private final class Spans: SpanSink {
        private let spans = Mutex<[EndedSpan]>([])
        var all: [EndedSpan] { spans.withLock { $0 } }
        func add(_ span: EndedSpan) { spans.withLock { $0.append(span) } }
        func flush() {}
    }

    private func call(_ metadata: [(key: ExactString, value: String)] = []) -> Call {
        Call(
            method: Method(service: "strongroom.v1.Prediction", name: "Predict") { _, _ in },
            streamID: 1,
            origin: Call.Origin(principal: .anonymous, receivedAt: .now(), metadata: metadata),
            connection: Connection()
        )
    }

    private func parent(_ flags: String) -> [(key: ExactString, value: String)] {
        [
            (key: "traceparent", value: "00-\(Self.trace)-\(Self.span)-\(flags)"),
            (key: "tracestate", value: "a=1"),
        ]
    }

    @Test("a call is a span under its caller's, with what it was spent on below it")
    func spans() throws {
        let sink = Spans()
        let call = call(parent("01"))
        let tracing = CallTracing(FileTracer(sink: sink, ratio: 0))
        let trace = try #require(tracing.begin(call))
        trace.asked("m")
        trace.answered(
            Prediction(
                version: 7,
                outputs: [],
                rows: 1,
                batchRows: 5,
                queueNs: 1_000,
                computeNs: 2_000,
                ownComputeNs: 400,
                loadNs: 0
            )
        )
        call.succeed(ByteBuffer())
        let spans = sink.all
        #expect(spans.map(\.name) == ["compute", "queue", "strongroom.v1.Prediction/Predict"])
        let (compute, queue, whole) = (spans[0], spans[1], spans[2])
        #expect(whole.parentSpanID == Self.span && whole.kind == .server && !whole.isError)
        for part in [compute, queue] { #expect(part.parentSpanID == whole.context.spanID) }
        for span in spans {
            #expect(span.context.traceID == Self.trace && span.context.state == "a=1")
        }
        #expect(Set(spans.map(\.context.spanID)).count == 3)
        #expect(compute.endNs - compute.startNs == 2_000)
        #expect(queue.endNs == compute.startNs && queue.endNs - queue.startNs == 1_000)
        #expect(compute.endNs <= whole.endNs)
        let expected: [String: SpanAttribute] = [
            "rpc.system": "ttrpc", "rpc.service": "strongroom.v1.Prediction",
            "rpc.method": "Predict", "rpc.response.status_code": "OK", "strongroom.model": "m",
            "strongroom.version": .int64(7),
        ]
        #expect(whole.attributes == SpanAttributes(expected))
    }

    @Test("a caller decides for its own trace, and the ratio for calls without one")
    func sampling() {
        let sink = Spans()
        let none = CallTracing(FileTracer(sink: sink, ratio: 0))
        let all = CallTracing(FileTracer(sink: sink, ratio: 1))
        #expect(all.begin(call(parent("00"))) == nil)
        #expect(none.begin(call()) == nil)
        #expect(none.begin(call(parent("01"))) != nil)
        #expect(all.begin(call()) != nil)
        #expect(all.begin(call([(key: "traceparent", value: "malformed")])) != nil)
        #expect(all.begin(call(parent("00") + parent("00"))) != nil)
    }

    @Test("a part of the calls is exactly that part", arguments: [(0.25, 250), (0.01, 10)])
    func ratio(ratio: Double, expected: Int) {
        let sampler = Sampler(ratio: ratio)
        let taken = (0..<1_000).count { _ in sampler.next() }
        #expect(abs(taken - expected) <= 1)
    }

    @Test(
        "what failed on the server's side is an error, what the caller did wrong is none",
        arguments: [
            (StatusCode.internalError, true), (.notFound, false), (.resourceExhausted, false),
        ]
    )
    func failures(code: StatusCode, isError: Bool) throws {
        let sink = Spans()
        let call = call()
        _ = CallTracing(FileTracer(sink: sink, ratio: 1)).begin(call)
        call.fail(Status(code, "no"))
        let span = try #require(sink.all.first)
        #expect(span.isError == isError && span.parentSpanID == nil)
        #expect(span.attributes.get("rpc.response.status_code") == .string(code.name))
    }

    @Test("without a backend there is no span, and nothing is registered with the call")
    func noBackend() {
        #expect(CallTracing(NoOpTracer()).begin(call(parent("01"))) == nil)
    }

    @Test("what goes on to others is the span's own context")
    func injected() throws {
        struct Headers: Injector {
            func inject(_ value: String, forKey key: String, into headers: inout [String: String]) {
                headers[key] = value
            }
        }
        let tracer = FileTracer(sink: Spans(), ratio: 1)
        let span = tracer.startSpan("x", context: .topLevel)
        var headers: [String: String] = [:]
        tracer.inject(span.context, into: &headers, using: Headers())
        let context = try #require(TraceContext(parent: headers["traceparent"] ?? ""))
        #expect(context.isSampled && headers["tracestate"] == nil)
    }
}

@Suite("The file of spans")
struct SpanFileTests {
    private func span(_ name: String) -> EndedSpan {
        EndedSpan(
            context: TraceContext(
                traceID: "4bf92f3577b34da6a3ce929d0e0e4736",
                spanID: "00f067aa0ba902b7",
                isSampled: true,
                state: "a=1"
            ),
            parentSpanID: "00f067aa0ba902b8",
            name: name,
            kind: .server,
            startNs: 1,
            endNs: UInt64(Int64.max),
            attributes: SpanAttributes(["model": "m\"", "rows": .int64(3), "no": .double(.nan)]),
            isError: true
        )
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.appending(path: "spans").path())
    }

    private func lines(_ path: String) throws -> [JSONValue] {
        let text = String(decoding: try Files.read(path), as: UTF8.self)
        return try text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    @Test("a line is a request of OTLP's in JSON")
    func line() throws {
        try withFolder { path in
            let file = try SpanFile(path: path, logger: Logger(label: "test"))
            file.add(span("one"))
            file.add(span("two"))
            file.flush()
            file.flush()
            let line = try #require(try lines(path).first)
            #expect(try lines(path).count == 1)
            guard case .array(let resources)? = line["resourceSpans"],
                case .array(let scopes)? = resources.first?["scopeSpans"],
                case .array(let spans)? = scopes.first?["spans"]
            else {
                Issue.record("\(line.text)")
                return
            }
            #expect(spans.map { $0["name"] } == [.string("one"), .string("two")])
            let expected = """
                {"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", \
                "parentSpanId": "00f067aa0ba902b8", "traceState": "a=1", "name": "one", "kind": 2, \
                "startTimeUnixNano": "1", "endTimeUnixNano": "9223372036854775807", \
                "attributes": [{"key": "model", "value": {"stringValue": "m\\""}}, \
                {"key": "rows", "value": {"intValue": "3"}}], "status": {"code": 2}}
                """
            #expect(spans[0].text == expected)
        }
    }

    @Test("what is more than can wait is dropped")
    func bounded() throws {
        try withFolder { path in
            let file = try SpanFile(path: path, delayMs: 3_600_000, logger: Logger(label: "test"))
            for _ in 0..<SpanFile.maxWaiting + 5 { file.add(span("x")) }
            #expect(file.dropped == 5)
            file.flush()
            #expect(file.dropped == 0)
        }
    }

    @Test("a file that has its size makes room for a new one")
    func moved() throws {
        try withFolder { path in
            let file = try SpanFile(path: path, maxBytes: 1, logger: Logger(label: "test"))
            for name in ["one", "two", "three"] {
                file.add(span(name))
                file.flush()
            }
            #expect(!Files.exists(path))
            #expect(try lines(path + ".1").count == 1)
            #expect(try lines(path + ".1")[0].text.contains("three"))
        }
    }

    @Test("a file that cannot be written to is an error at the start")
    func unwritable() {
        #expect(throws: ServerError.self) {
            try SpanFile(path: "/nowhere/spans", logger: Logger(label: "test"))
        }
    }
}
