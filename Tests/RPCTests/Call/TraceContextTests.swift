import Testing
import Text

@testable import RPC

@Suite("The context of a trace")
struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"
    private static let parent = "00-\(trace)-\(span)-01"

    @Test("a parent is read, and written as it came")
    func parent() throws {
        let context = try #require(TraceContext(parent: Self.parent))
        #expect(context.traceID == Self.trace)
        #expect(context.spanID == Self.span)
        #expect(context.isSampled)
        #expect(context.parent == Self.parent)
        let other = try #require(TraceContext(parent: "00-\(Self.trace)-\(Self.span)-fe"))
        #expect(!other.isSampled)
    }

    @Test(
        "a later version is read as far as it is known",
        arguments: [
            "cc-\(trace)-\(span)-01", "01-\(trace)-\(span)-01-more", "fe-\(trace)-\(span)-01-",
        ]
    )
    func laterVersions(parent: String) throws {
        #expect(try #require(TraceContext(parent: parent)).traceID == Self.trace)
    }

    @Test(
        "a malformed parent is as if it were not there",
        arguments: [
            "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-01-more",
            "00-\(trace)-\(span)-01 ", " 00-\(trace)-\(span)-01", "ff-\(trace)-\(span)-01",
            "01-\(trace)-\(span)-01more", "0x-\(trace)-\(span)-01", "00-\(trace)-\(span)-0x",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-\(span)-01", "00-\(trace)-00F067AA0BA902B7-01",
            "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)-0000000000000000-01",
            "00_\(trace)_\(span)_01", "00-\(trace)\(span)--01",
        ]
    )
    func malformed(parent: String) {
        #expect(TraceContext(parent: parent) == nil)
    }

    @Test("it is found in metadata, where a parent that is there twice is none")
    func metadata() throws {
        let own: (key: ExactString, value: String) = ("traceparent", Self.parent)
        let context = try #require(
            TraceContext(metadata: [
                (key: "other", value: "x"), own, (key: "tracestate", value: "a=1"),
                (key: "tracestate", value: "b=2"),
            ])
        )
        #expect(context.state == "a=1,b=2")
        #expect(TraceContext(metadata: [own, own]) == nil)
        #expect(TraceContext(metadata: []) == nil)
        #expect(TraceContext(metadata: [(key: "tracestate", value: "a=1")]) == nil)
    }

    @Test(
        "a state that is well formed is carried on",
        arguments: [
            "a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1 , b=2,,\t", "t@v_-*/=x y~!",
            "0a=1", Array(0..<32).map { "k\($0)=v" }.joined(separator: ","),
            String(repeating: "k", count: 256) + "=" + String(repeating: "v", count: 255),
        ]
    )
    func state(text: String) throws {
        #expect(try #require(TraceContext(parent: Self.parent, state: text)).state == text)
    }

    @Test(
        "a malformed state is dropped, and the parent stays",
        arguments: [
            "a", "=1", "a=", "A=1", "a=1,a=2", "a=1=2", "a=é", "a=\u{7F}", "-a=1", "a b=1",
            Array(0..<33).map { "k\($0)=v" }.joined(separator: ","),
            String(repeating: "k", count: 257) + "=v",
            "a=" + String(repeating: "v", count: 257),
            "a=" + String(repeating: "v", count: 254) + ",b=" + String(repeating: "v", count: 254),
        ]
    )
    func badState(text: String) throws {
        #expect(try #require(TraceContext(parent: Self.parent, state: text)).state == "")
    }
}
