import NIOCore
import Testing
import Text
import Wire

@testable import RPC

@Suite("Unary calls on a connection")
struct UnaryCallTests {
    private let server: EmbeddedServer

    init() throws {
        server = try EmbeddedServer()
    }

    @Test("a call is answered on its stream with its message")
    func echo() throws {
        try server.receive(Frames.request(1))
        let expected = Reply(streamID: 1, code: nil, text: "hi", byteCount: 4)
        #expect(try server.replies() == [expected])
    }

    @Test("the bytes of a reply are those of the reference implementation")
    func exactBytes() throws {
        try server.receive(Frames.request(1))
        let expected: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 1, 2, 0, 0x12, 2, 0x68, 0x69]
        #expect(Array(try server.sent().readableBytesView) == expected)
        try server.receive(Frames.request(3, payload: nil))
        #expect(Array(try server.sent().readableBytesView) == [0, 0, 0, 0, 0, 0, 0, 3, 2, 0])
    }

    @Test("flags on a unary request say nothing", arguments: [0x01, 0x02, 0x03, 0x06, 0xFF])
    func flags(bits: UInt8) throws {
        try server.receive(Frames.request(1, flags: FrameFlags(rawValue: bits)))
        #expect(try server.replies().map(\.text) == ["hi"])
    }

    @Test("requests arrive byte by byte")
    func byteByByte() throws {
        let frame = Frames.request(1)
        for byte in frame.readableBytesView { try server.receive(ByteBuffer(bytes: [byte])) }
        #expect(try server.replies().map(\.text) == ["hi"])
    }

    @Test("calls are answered in any order")
    func anyOrder() throws {
        try server.receive(
            Frames.request(1, method: "Hold"),
            Frames.request(3),
            Frames.request(5, method: "Hold")
        )
        #expect(try server.replies().map(\.streamID) == [3])
        let held = server.calls.all
        held[1].succeed(ByteBuffer(string: "b"))
        held[0].succeed(ByteBuffer(string: "a"))
        #expect(try server.replies().map(\.text) == ["b", "a"])
    }

    @Test("the answers of one read leave in one write and one flush")
    func oneFlush() throws {
        let frames = (0..<100).map { Frames.request(UInt32($0 * 2 + 1)) }
        try server.receive(Frames.joined(frames))
        #expect(server.socket.flushes == 1)
        #expect(server.socket.writes == 1)
        #expect(try server.replies().count == 100)
    }

    @Test("late answers of one tick leave in one flush")
    func oneLateFlush() throws {
        for id in 0..<50 {
            try server.receive(Frames.request(UInt32(id * 2 + 1), method: "Hold"))
        }
        #expect(server.socket.flushes == 0)
        for call in server.calls.all { call.succeed(ByteBuffer(string: "x")) }
        #expect(try server.replies().count == 50)
        #expect(server.socket.flushes == 1)
    }

    @Test("a second answer is dropped")
    func secondAnswer() throws {
        try server.receive(Frames.request(1, method: "Hold"))
        let call = server.calls.all[0]
        call.succeed(ByteBuffer(string: "first"))
        call.succeed(ByteBuffer(string: "second"))
        call.fail(Status(.internalError, "third"))
        call.cancel()
        #expect(try server.replies().map(\.text) == ["first"])
        #expect(!call.isCancelled)
    }

    @Test("a failure travels with code and text, and is one line in the log")
    func failure() throws {
        try server.receive(Frames.request(1, method: "Fail"))
        let reply = try #require(try server.replies().first)
        #expect(reply.code == .notFound)
        #expect(reply.text == "no such thing")
        let line = try #require(server.logs.lines.first)
        #expect(server.logs.lines.count == 1)
        #expect(line.message == "call failed")
        #expect(line.metadata["rpc.method"] == "/test.Service/Fail")
        #expect(line.metadata["rpc.code"] == "NOT_FOUND")
        #expect(line.metadata["principal"] == "anonymous")
    }

    @Test("a success is no line in the log")
    func successIsSilent() throws {
        try server.receive(Frames.request(1))
        #expect(server.logs.lines.isEmpty)
    }

    @Test(
        "unknown names are unimplemented, in the words of the reference implementation",
        arguments: [
            ("nope", "Echo", "service 'nope'"), ("test.Service", "Nope", "method 'Nope'"),
            ("", "", "service ''"), ("test.Service", "", "method ''"),
        ]
    )
    func unknownNames(service: String, method: String, text: String) throws {
        try server.receive(Frames.request(1, service: service, method: method))
        let reply = try #require(try server.replies().first)
        #expect(reply.code == .unimplemented)
        #expect(reply.text == text)
        // The stream id is used up all the same.
        try server.receive(Frames.request(1))
        #expect(try server.replies().first?.code == .invalidArgument)
    }

    @Test("streaming methods are unimplemented, and what follows on them is swallowed")
    func streaming() throws {
        try server.receive(
            Frames.request(1, method: "Up", payload: nil, flags: .remoteOpen),
            Frames.data(1, ByteBuffer(string: "x")),
            Frames.data(1, flags: [.remoteClosed, .noData]),
            Frames.request(3, method: "Stream", flags: .remoteClosed)
        )
        #expect(try server.replies().map(\.code) == [.unimplemented, .unimplemented])
    }

    @Test("a request that is no envelope is refused, and its id is used up")
    func garbage() throws {
        let garbage = ByteBuffer(bytes: [0xFF, 0xFF, 0xFF])
        try server.receive(Frames.raw(5, type: 1, garbage), Frames.request(5), Frames.request(7))
        let replies = try server.replies()
        #expect(replies.map(\.code) == [.invalidArgument, .invalidArgument, nil])
        #expect(replies[0].text.hasPrefix("unmarshal request error: "))
    }

    @Test("metadata is refused past 64 pairs and 8 KiB, and taken at them")
    func metadataLimits() throws {
        let pair: (key: ExactString, value: String) = ("k", "v")
        try server.receive(
            Frames.request(1, metadata: Array(repeating: pair, count: 64)),
            Frames.request(3, metadata: Array(repeating: pair, count: 65)),
            Frames.request(5, metadata: [("k", String(repeating: "v", count: 8_192 - 6))]),
            Frames.request(7, metadata: [("k", String(repeating: "v", count: 8_193))])
        )
        let replies = try server.replies()
        #expect(replies.map { $0.code == nil } == [true, false, true, false])
    }

    @Test("interceptors run in order, once each, and may answer in a method's place")
    func interceptors() throws {
        struct Marker: Interceptor {
            let mark: String
            func intercept(_ call: Call, _ payload: ByteBuffer, next: UnaryHandler) {
                guard call.metadataValue("stop") != mark else {
                    call.fail(Status(.permissionDenied, mark))
                    return
                }
                var payload = payload
                payload.writeString(mark)
                next(call, payload)
            }
        }
        let server = try EmbeddedServer(interceptors: [Marker(mark: "a"), Marker(mark: "b")])
        try server.receive(
            Frames.request(1, payload: ByteBuffer()),
            Frames.request(3, metadata: [("Stop", "b")])
        )
        let replies = try server.replies()
        #expect(replies.map(\.text) == ["ab", "b"])
        #expect(replies.map(\.code) == [nil, .permissionDenied])
    }

    @Test("a call knows who makes it")
    func principal() throws {
        let server = try EmbeddedServer(principal: .user(7))
        try server.receive(Frames.request(1, method: "Who"))
        #expect(try server.replies().map(\.text) == ["uid:7"])
    }
}
