import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import Text
import Wire

@testable import RPC

@Suite("Client connection", .timeLimit(.minutes(1)))
struct ClientConnectionTests {
    @Test("a cancelled task forgets its call; the connection goes on")
    func cancellation() async throws {
        try await LiveServer.run { live in
            let client = try await live.connect()
            let task = Task { await client.failure("Hold") }
            let call = await live.calls.wait(for: 1)[0]
            task.cancel()
            #expect(await task.value == .cancelled)
            // The protocol has no cancellation: the server's call runs on.
            #expect(!call.isOver)
            call.succeed(ByteBuffer(string: "late"))
            #expect(try await client.call("Echo", "next") == "next")
        }
    }

    @Test("a task that is cancelled already makes no call")
    func cancelledBefore() async throws {
        try await LiveServer.run { live in
            let client = try await live.connect()
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await client.failure("Hold")
            }
            #expect(await task.value == .cancelled)
            #expect(try await client.call("Echo", "next") == "next")
            #expect(live.calls.all.isEmpty)
        }
    }

    @Test("a request over the limit is refused before it is sent")
    func oversizeRequest() async throws {
        try await LiveServer.run { live in
            var limits = RPCLimits()
            limits.maxReceiveBytes = RPCLimits.defaultFrameBytes
            let client = try await live.connectLocally(limits: limits)
            let text = String(repeating: "z", count: 4_194_304 - 24)
            await #expect(throws: Status.oversize(4_194_305, limit: 4_194_304)) {
                _ = try await client.call("Echo", text)
            }
            #expect(try await client.call("Echo", "next") == "next")
        }
    }

    @Test("a client that takes larger replies says so by itself")
    func largerReplies() async throws {
        var limits = RPCLimits()
        limits.maxReceiveBytes = RPCLimits.frameCeilingBytes
        limits.maxSendBytes = RPCLimits.frameCeilingBytes
        try await LiveServer.run(limits: limits) { live in
            let client = try await live.connectLocally(limits: limits)
            let text = String(repeating: "z", count: 6 << 20)
            let reply = try await client.call("Echo", text)
            #expect(reply.utf8.count == 6 << 20)
        }
    }

    @Test("a timeout that has passed makes no call", arguments: [0, -1])
    func passedTimeout(seconds: Int) async throws {
        try await LiveServer.run { live in
            let client = try await live.connectLocally()
            let code = await client.failure("Hold", timeout: .seconds(seconds))
            #expect(code == .deadlineExceeded)
            #expect(live.calls.all.isEmpty)
        }
    }

    @Test("closing fails the calls that wait, and all later ones")
    func closing() async throws {
        try await LiveServer.run { live in
            let client = try await live.connect()
            async let held = client.failure("Hold")
            _ = await live.calls.wait(for: 1)
            await client.close()
            #expect(await held == .unavailable)
            #expect(await client.failure("Echo") == .unavailable)
            #expect(!client.isOpen)
        }
    }

    @Test("nobody listening is an error of the connect")
    func refused() async throws {
        try await LiveServer.run { live in
            let path = live.identities.path("nothing")
            await #expect(throws: (any Error).self) {
                try await ClientConnection.connect(unixSocket: path, group: live.group)
            }
        }
    }
}

@Suite("Client's handler")
struct ClientHandlerTests {
    private let channel = EmbeddedChannel()
    private let handler: ClientConnectionHandler

    init() throws {
        handler = ClientConnectionHandler(usesTLS: false, maxReceiveBytes: 1_000)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func makeCall(_ payload: String = "", deadline: NIODeadline? = nil) -> ClientCall {
        ClientCall(
            frame: Frames.request(0, payload: ByteBuffer(string: payload)),
            deadline: deadline
        )
    }

    private func response(_ streamID: UInt32, _ text: String) -> ByteBuffer {
        var body = ByteBuffer()
        ResponseEnvelope(payload: ByteBuffer(string: text)).encode(into: &body)
        return Frames.raw(streamID, type: 2, body)
    }

    private func outcome(_ call: ClientCall) async -> Result<String, Status> {
        let outcome = await withCheckedContinuation { call.wait($0) }
        return outcome.map { String(buffer: $0) }
    }

    private func sentIDs() throws -> [UInt32] {
        var bytes = ByteBuffer()
        while var part = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&part) }
        var decoder = FrameDecoder()
        decoder.append(bytes)
        var ids: [UInt32] = []
        while case .frame(let header, _) = decoder.next() { ids.append(header.streamID) }
        return ids
    }

    @Test("calls get odd, growing ids, whatever their size")
    func ids() throws {
        let large = String(repeating: "x", count: 100_000)
        handler.send([makeCall(), makeCall(large), makeCall(), makeCall(large)])
        handler.send([makeCall()])
        #expect(try sentIDs() == [1, 3, 5, 7, 9])
    }

    @Test("responses find their calls in any order; one for nobody is dropped")
    func anyOrder() async throws {
        let calls = [makeCall(), makeCall()]
        handler.send(calls)
        try channel.writeInbound(
            Frames.joined([response(3, "b"), response(5, "?"), response(1, "a")])
        )
        #expect(await outcome(calls[0]) == .success("a"))
        #expect(await outcome(calls[1]) == .success("b"))
    }

    @Test("an oversize response fails its call alone")
    func oversize() async throws {
        let calls = [makeCall(), makeCall()]
        handler.send(calls)
        let text = String(repeating: "x", count: 998)
        try channel.writeInbound(Frames.joined([response(1, text), response(3, "b")]))
        #expect(await outcome(calls[0]) == .failure(.oversize(1_001, limit: 1_000)))
        #expect(await outcome(calls[1]) == .success("b"))
    }

    @Test("a frame that is no response fails its call alone", arguments: [1, 3, 9])
    func wrongType(type: UInt8) async throws {
        let calls = [makeCall(), makeCall()]
        handler.send(calls)
        try channel.writeInbound(Frames.joined([Frames.raw(1, type: type), response(3, "b")]))
        guard case .failure(let status) = await outcome(calls[0]) else {
            Issue.record("expected a failure")
            return
        }
        #expect(status.code == .internalError)
        #expect(await outcome(calls[1]) == .success("b"))
    }

    @Test("bytes that are no frame, or a lost connection, fail all calls")
    func lost() async throws {
        let calls = [makeCall(), makeCall()]
        handler.send(calls)
        try channel.writeInbound(ByteBuffer(bytes: [1]))
        #expect(!channel.isActive)
        let late = makeCall()
        handler.send([late])
        for call in calls + [late] {
            guard case .failure(let status) = await outcome(call) else {
                Issue.record("expected a failure")
                return
            }
            #expect(status.code == .unavailable)
        }
    }

    @Test("a call's own deadline ends it, and its late response is dropped")
    func deadline() async throws {
        let start = channel.embeddedEventLoop.now
        let calls = [
            makeCall(deadline: start + .seconds(2)), makeCall(deadline: start + .seconds(1)),
            makeCall(),
        ]
        handler.send(calls)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(calls.map(\.isResolved) == [false, true, false])
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(calls.map(\.isResolved) == [true, true, false])
        try channel.writeInbound(Frames.joined([response(1, "a"), response(5, "c")]))
        guard case .failure(let status) = await outcome(calls[0]) else {
            Issue.record("expected a failure")
            return
        }
        #expect(status.code == .deadlineExceeded)
        #expect(await outcome(calls[2]) == .success("c"))
    }

    @Test("a connection whose ids are used up says so, and the calls it has go on")
    func exhaustedIDs() async throws {
        let handler = ClientConnectionHandler(
            usesTLS: false,
            maxReceiveBytes: 1_000,
            firstStreamID: .max - 2
        )
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(handler)
        let calls = [makeCall(), makeCall(), makeCall()]
        handler.send(calls)
        #expect(calls.map(\.isResolved) == [false, false, true])
        try channel.writeInbound(response(.max, "last"))
        #expect(await outcome(calls[1]) == .success("last"))
    }
}
