internal import NIOCore
internal import RPC
internal import Registry
internal import Serving
internal import Text
internal import Tracing
internal import Wire

/// Makes spans of calls, with whatever tracer there is. Without one nothing of this is asked.
struct CallTracing: Sendable {
    private let tracer: any Tracer

    init(_ tracer: any Tracer) {
        self.tracer = tracer
    }

    /// Begins the span of a call, under the one that its metadata names; it ends with the call.
    /// - Returns: nil if the call is not recorded.
    func begin(_ call: Call) -> CallTrace? {
        let clock = WallTime()
        var context = ServiceContext.topLevel
        tracer.extract(call, into: &context, using: MetadataExtractor())
        let method = call.method
        let span = tracer.startSpan(
            "\(method.service)/\(method.name)",
            context: context,
            ofKind: .server,
            at: clock.instant(of: call.receivedAt)
        )
        guard span.isRecording else { return nil }
        span.updateAttributes { attributes in
            attributes["rpc.system"] = "ttrpc"
            attributes["rpc.service"] = method.service
            attributes["rpc.method"] = method.name
        }
        if let recorded = span.context[TraceContextKey.self] {
            call.note(traceID: recorded.traceID)
        }
        call.onFinish { code in
            span.updateAttributes { $0["rpc.response.status_code"] = code.name }
            if code.isServerFault { span.setStatus(SpanStatus(code: .error)) }
            span.end(at: clock.instant(of: .now()))
        }
        return CallTrace(span: span, tracer: tracer, clock: clock)
    }
}

/// The span of one call; a class, so that calls without one carry no room for it.
final class CallTrace: Sendable {
    private let span: any Span
    private let tracer: any Tracer
    private let clock: WallTime

    fileprivate init(span: any Span, tracer: any Tracer, clock: WallTime) {
        self.span = span
        self.tracer = tracer
        self.clock = clock
    }

    /// Names the model that was asked for.
    func asked(_ model: String) {
        span.updateAttributes { $0["strongroom.model"] = model }
    }

    /// Adds what a prediction spent its time on, which has just been made.
    func answered(_ prediction: Prediction) {
        span.updateAttributes { $0["strongroom.version"] = Int64(clamping: prediction.version) }
        var end = clock.instant(of: .now()).nanosecondsSinceEpoch
        let parts = [
            ("compute", prediction.computeNs), ("queue", prediction.queueNs),
            ("load", prediction.loadNs),
        ]
        for (name, ns) in parts where ns > 0 {
            let start = end - min(ns, end)
            let part = tracer.startSpan(
                name,
                context: span.context,
                ofKind: .internal,
                at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: start)
            )
            if name == "compute" {
                part.updateAttributes {
                    $0["strongroom.batch_rows"] = Int64(clamping: prediction.batchRows)
                }
            }
            part.end(at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: end))
            end = start
        }
    }
}

/// What the wall's clock said when a call's clock said something, so that the two can be told
/// apart no more.
private struct WallTime: Sendable {
    private let wallNs = DefaultTracerClock.now.nanosecondsSinceEpoch
    private let uptime = NIODeadline.now()

    func instant(of moment: NIODeadline) -> DefaultTracerClock.Timestamp {
        let ns = Int64(clamping: wallNs) + (moment - uptime).nanoseconds
        return DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: UInt64(clamping: ns))
    }
}

/// Reads a call's metadata for a tracer.
private struct MetadataExtractor: Extractor {
    func extract(key: String, from call: Call) -> String? {
        let key = ExactString(key)
        let values = call.metadata.filter { $0.key == key }.map(\.value)
        // A state may be in several parts; a parent that is there twice is none.
        guard key != TraceContext.stateKey else { return values.joined(separator: ",") }
        return values.count == 1 ? values.first : nil
    }
}

/// The place of a W3C context in what the tracing API hands around.
enum TraceContextKey: ServiceContextKey {
    typealias Value = TraceContext
}

extension StatusCode {
    /// Whether a span of the server's is an error by it, by OpenTelemetry's rules: what a caller
    /// did wrong is none.
    fileprivate var isServerFault: Bool {
        switch self {
        case .unknown, .deadlineExceeded, .unimplemented, .internalError, .unavailable, .dataLoss:
            true
        default: false
        }
    }
}
