import NIOCore
import Testing
import Text
import Wire

@testable import RPC

@Suite("Frames that are no plain request")
struct StreamRuleTests {
    private let server: EmbeddedServer

    init() throws {
        server = try EmbeddedServer()
    }

    @Test("even and reused ids are refused on their stream; the connection lives on")
    func badIDs() throws {
        try server.receive(
            Frames.request(2),
            Frames.request(3),
            Frames.request(3),
            Frames.request(1),
            Frames.request(0),
            Frames.request(5)
        )
        let replies = try server.replies()
        #expect(replies.map(\.streamID) == [2, 3, 3, 1, 0, 5])
        let odd = "StreamID must be odd for client initiated streams"
        let grow = "StreamID cannot be re-used and must increment"
        #expect(replies.map(\.text) == [odd, "hi", grow, grow, odd, "hi"])
        #expect(replies[0].code == .invalidArgument)
    }

    @Test("data on a running unary call is refused once, and the call is over")
    func dataOnRunningCall() throws {
        try server.receive(Frames.request(1, method: "Hold"))
        let chunk = Frames.data(1, ByteBuffer(string: "x"))
        try server.receive(chunk, chunk, Frames.data(1, flags: [.remoteClosed, .noData]))
        #expect(try server.replies().map(\.code) == [.invalidArgument])
        let call = server.calls.all[0]
        #expect(call.isCancelled)
        call.succeed(ByteBuffer(string: "late"))
        #expect(try server.replies() == [])
    }

    @Test("data on a finished stream is dropped, on one never opened refused")
    func dataElsewhere() throws {
        try server.receive(Frames.request(1), Frames.data(1), Frames.data(3))
        let replies = try server.replies()
        #expect(replies.map(\.streamID) == [1, 3])
        #expect(replies[1].code == .invalidArgument)
    }

    @Test("A frame of the limit is taken; one byte more is discarded and refused")
    func oversize() throws {
        var limits = RPCLimits()
        limits.maxReceiveBytes = 4_194_304
        let server = try EmbeddedServer(limits: limits)
        let overhead = 14 + 6 + 5  // The names, and the payload's tag and length.
        let fitting = ByteBuffer(repeating: 0x61, count: 4_194_304 - overhead)
        let frame = Frames.request(1, payload: fitting)
        #expect(frame.readableBytes == 4_194_304 + 10)
        try server.receive(frame)
        #expect(try server.replies().first?.streamID == 1)
        try server.receive(Frames.header(3, type: 1, length: 4_194_305))
        let reply = try #require(try server.replies().first)
        #expect(reply.code == .resourceExhausted)
        #expect(
            reply.text == "message length 4194305 exceed maximum message size of 4194304"
        )
        for _ in 0..<4 { try server.receive(ByteBuffer(repeating: 0xAA, count: 1 << 20)) }
        try server.receive(ByteBuffer(bytes: [0xAA]), Frames.request(3))
        #expect(try server.replies().map(\.text) == ["hi"])
    }

    @Test("The default limit of a frame is what its header can state: 16 MiB - 1")
    func largerFrames() throws {
        let overhead = 14 + 5 + 5  // The names, and the payload's tag and length.
        let payload = ByteBuffer(repeating: 0x61, count: 16_777_215 - overhead)
        try server.receive(Frames.request(1, method: "Who", payload: payload))
        #expect(try server.replies().map(\.text) == ["anonymous"])
    }

    @Test("a first byte that is not 0 closes at once and cancels what runs")
    func firstByte() throws {
        try server.receive(Frames.request(1, method: "Hold"))
        try server.receive(ByteBuffer(string: "GET / HTTP/1.1\r\n"))
        #expect(!server.isOpen)
        #expect(server.calls.all[0].isCancelled)
    }

    @Test("replies to what came before a first byte that is not 0 are sent")
    func firstByteAfterCalls() throws {
        try server.receive(Frames.request(1), ByteBuffer(bytes: [1]))
        #expect(try server.replies().map(\.text) == ["hi"])
        #expect(!server.isOpen)
    }

    @Test("frames of unknown type are dropped; one more than 1,000 closes the connection")
    func unknownTypes() throws {
        for _ in 0..<10 {
            try server.receive(
                Frames.joined(Array(repeating: Frames.raw(1, type: 9), count: 100))
            )
        }
        try server.receive(Frames.request(1))
        #expect(try server.replies().map(\.text) == ["hi"])
        try server.receive(Frames.raw(1, type: 2))
        #expect(!server.isOpen)
    }

    @Test("a reply over 4 MiB becomes RESOURCE_EXHAUSTED, unless the caller takes it")
    func largeReplies() throws {
        let large = ByteBuffer(repeating: 0x61, count: 4_194_304 - 4)
        let fitting = ByteBuffer(repeating: 0x61, count: 4_194_304 - 5)
        let server = try EmbeddedServer(methods: [
            TestMethods.method("Large") { call, _ in call.succeed(large) },
            TestMethods.method("Fitting") { call, _ in call.succeed(fitting) },
        ])
        let key: ExactString = "x-max-recv-bytes"
        try server.receive(
            Frames.request(1, method: "Fitting"),
            Frames.request(3, method: "Large"),
            Frames.request(5, method: "Large", metadata: [(key, "4194305")]),
            Frames.request(7, method: "Large", metadata: [(key, "4194304")]),
            Frames.request(9, method: "Large", metadata: [(key, "99999999999")]),
            Frames.request(11, method: "Large", metadata: [(key, "many")]),
            Frames.request(13, metadata: [(key, "3")])
        )
        let replies = try server.replies()
        #expect(replies.map { $0.code == nil } == [true, false, true, false, true, false, false])
        #expect(replies[0].byteCount == 4_194_304)
        #expect(
            replies[1].text == "message length 4194305 exceed maximum message size of 4194304"
        )
        #expect(replies[2].byteCount == 4_194_305)
    }

    @Test(
        "The stated sizes of messages are the largest that are taken and sent",
        arguments: [1_024, 4_194_304, 16_777_215]
    )
    func statedSizes(frameBytes: Int) throws {
        var limits = RPCLimits()
        limits.maxReceiveBytes = frameBytes
        let metadata: [(key: ExactString, value: String)] = [
            ("x-max-recv-bytes", "\(frameBytes)"), ("other", "value"),
        ]
        let server = try EmbeddedServer(limits: limits)
        try server.receive(Frames.request(1, method: "Hold", metadata: metadata))
        let stated = limits.messages(of: "Echo", as: server.calls.all[0])
        // A length of 16 MiB makes the first byte of a frame's header 1, which closes a connection.
        let oversized = frameBytes < 16_777_215 ? [0, 1] : [0]
        for (id, more) in zip([3, 5] as [UInt32], oversized) {
            let payload = ByteBuffer(repeating: 0x61, count: stated.requestBytes + more)
            try server.receive(
                Frames.request(
                    id,
                    payload: payload,
                    timeoutNano: .max,
                    metadata: metadata
                )
            )
            let reply = try #require(try server.replies().first)
            // The echo of the larger one would be larger than the caller takes.
            #expect((reply.code == nil) == (more == 0))
        }
        for more in [0, 1] {
            let payload = ByteBuffer(repeating: 0x61, count: stated.replyBytes + more)
            let large = try EmbeddedServer(methods: [
                TestMethods.method("Large") { call, _ in call.succeed(payload) }
            ])
            try large.receive(Frames.request(1, method: "Large", metadata: metadata))
            #expect((try large.replies()[0].code == nil) == (more == 0))
        }
    }

    @Test("nothing above 16 MiB - 1 is sent, whatever the caller takes")
    func frameCeiling() throws {
        let huge = ByteBuffer(repeating: 0x61, count: 1 << 24)
        let server = try EmbeddedServer(methods: [
            TestMethods.method("Huge") { call, _ in call.succeed(huge) }
        ])
        try server.receive(
            Frames.request(1, method: "Huge", metadata: [("x-max-recv-bytes", "999999999")])
        )
        #expect(try server.replies().map(\.code) == [.resourceExhausted])
    }

    @Test("a failure too long for a frame keeps its code")
    func longFailure() throws {
        let server = try EmbeddedServer(methods: [
            TestMethods.method("Wordy") { call, _ in
                call.fail(Status(.aborted, String(repeating: "x", count: 5_000_000)))
            }
        ])
        try server.receive(Frames.request(1, method: "Wordy"))
        #expect(try server.replies().map(\.code) == [.aborted])
    }
}
