internal import JSON
internal import RPC
internal import Text
internal import Tracing

/// A span that is over, as OTLP says it in JSON.
struct EndedSpan: Sendable {
    let context: TraceContext
    /// Nil: it is the first of its trace.
    let parentSpanID: String?
    let name: String
    let kind: SpanKind
    /// Nanoseconds of the Unix epoch.
    let startNs: UInt64
    let endNs: UInt64
    let attributes: SpanAttributes
    let isError: Bool

    var json: JSONValue {
        var members = [
            JSONValue.Member(name: "traceId", value: .string(context.traceID)),
            JSONValue.Member(name: "spanId", value: .string(context.spanID)),
        ]
        if let parentSpanID {
            members.append(.init(name: "parentSpanId", value: .string(parentSpanID)))
        }
        if !context.state.isEmpty {
            members.append(.init(name: "traceState", value: .string(context.state)))
        }
        members += [
            .init(name: "name", value: .string(name)),
            .init(name: "kind", value: .number(String(kindNumber))),
            .init(name: "startTimeUnixNano", value: .string(String(startNs))),
            .init(name: "endTimeUnixNano", value: .string(String(endNs))),
            .init(name: "attributes", value: Self.json(attributes)),
        ]
        if isError {
            let error = JSONValue.Member(name: "code", value: .number("2"))
            members.append(.init(name: "status", value: .object([error])))
        }
        return .object(members)
    }

    private var kindNumber: Int {
        switch kind {
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        default: 1
        }
    }

    /// A request of OTLP's with these spans, on one line.
    static func request(_ spans: [EndedSpan]) -> String {
        let resource = SpanAttributes([
            "service.name": "strongroom", "service.version": .string(StrongroomVersion.current),
        ])
        func object(_ name: ExactString, _ value: JSONValue) -> JSONValue {
            .object([.init(name: name, value: value)])
        }
        let scope = JSONValue.object([
            .init(name: "scope", value: object("name", .string("strongroom"))),
            .init(name: "spans", value: .array(spans.map(\.json))),
        ])
        let resourceSpans = JSONValue.object([
            .init(name: "resource", value: object("attributes", json(resource))),
            .init(name: "scopeSpans", value: .array([scope])),
        ])
        return object("resourceSpans", .array([resourceSpans])).text + "\n"
    }

    private static func json(_ attributes: SpanAttributes) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = []
        attributes.forEach { key, value in
            guard let value = json(value) else { return }
            members.append((key, value))
        }
        members.sort { $0.key < $1.key }
        return .array(
            members.map { key, value in
                .object([
                    .init(name: "key", value: .string(key)), .init(name: "value", value: value),
                ])
            }
        )
    }

    /// Nil for a kind that the server does not write.
    private static func json(_ attribute: SpanAttribute) -> JSONValue? {
        let member: JSONValue.Member? =
            switch attribute {
            case .string(let text): .init(name: "stringValue", value: .string(text))
            case .int64(let number): .init(name: "intValue", value: .string(String(number)))
            case .int32(let number): .init(name: "intValue", value: .string(String(number)))
            case .bool(let flag): .init(name: "boolValue", value: .bool(flag))
            case .double(let number) where number.isFinite:
                .init(name: "doubleValue", value: .number("\(number)"))
            default: nil
            }
        return member.map { .object([$0]) }
    }
}
