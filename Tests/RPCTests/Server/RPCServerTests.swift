import Glibc
import Logging
import NIOCore
import NIOPosix
import Testing
import Text
import Wire

@testable import RPC

@Suite("Server over TLS and a unix socket", .timeLimit(.minutes(1)))
struct RPCServerTests {
    @Test("a client with a certificate is named by it, one without is anonymous")
    func principals() async throws {
        try await LiveServer.run { live in
            let alice = try await live.connect(as: "alice")
            #expect(try await alice.call("Who") == "cert:alice")
            let nobody = try await live.connect(as: nil)
            #expect(try await nobody.call("Who") == "anonymous")
            let local = try await live.connectLocally()
            #expect(try await local.call("Who") == "uid:\(getuid())")
        }
    }

    @Test("many calls of many tasks share a connection")
    func multiplexing() async throws {
        try await LiveServer.run { live in
            let client = try await live.connect()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        let text = String(repeating: "x", count: index * 40) + "\(index)"
                        let reply = try await client.call("Echo", text)
                        #expect(reply == text)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("calls are answered from any thread, in any order")
    func otherThreads() async throws {
        try await LiveServer.run { live in
            let client = try await live.connect()
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<200 { group.addTask { try await client.call("Hold") } }
                let calls = await live.calls.wait(for: 200)
                await withTaskGroup(of: Void.self) { answering in
                    for call in calls.shuffled() {
                        answering.addTask { call.succeed(ByteBuffer(string: "done")) }
                    }
                }
                for try await reply in group { #expect(reply == "done") }
            }
        }
    }

    @Test("4 MiB go both ways, by TLS and by a unix socket")
    func largeMessages() async throws {
        try await LiveServer.run { live in
            let text = String(repeating: "z", count: 4_194_304 - 100)
            for client in [try await live.connect(), try await live.connectLocally()] {
                let reply = try await client.call("Echo", text)
                // Not `==` in the macro: it would print both.
                #expect(reply.utf8.count == text.utf8.count)
            }
        }
    }

    @Test("the server keeps the deadline as well as the client")
    func deadline() async throws {
        try await LiveServer.run { live in
            let client = try await live.connect()
            #expect(await client.failure("Hold", timeout: .milliseconds(20)) == .deadlineExceeded)
            let call = await live.calls.wait(for: 1)[0]
            await call.whenCancelled()
            #expect(call.isCancelled)
            #expect(try await client.call("Echo", "still here") == "still here")
        }
    }

    @Test("a TLS stream that is cut short has its calls cancelled")
    func truncated() async throws {
        try await LiveServer.run { live in
            let raw = try await RawClient.connect(
                port: live.port,
                tls: live.identities.client(named: "alice"),
                group: live.group
            )
            try await raw.send(Frames.request(1, method: "Hold"))
            let call = await live.calls.wait(for: 1)[0]
            raw.breakOff()
            await call.whenCancelled()
            #expect(call.isCancelled)
        }
    }

    @Test("a client that vanishes from a unix socket has its calls cancelled")
    func vanished() async throws {
        try await LiveServer.run { live in
            let raw = try await RawClient.connect(unixSocket: live.socketPath, group: live.group)
            try await raw.send(Frames.request(1, method: "Hold"))
            let call = await live.calls.wait(for: 1)[0]
            raw.breakOff()
            await call.whenCancelled()
            #expect(call.isCancelled)
        }
    }

    @Test("a vanished peer is noticed while its connection is not read")
    func vanishedWhilePaused() async throws {
        var limits = RPCLimits()
        limits.maxCallsInFlight = 1
        try await LiveServer.run(limits: limits) { live in
            let raw = try await RawClient.connect(
                port: live.port,
                tls: live.identities.client(named: "alice"),
                group: live.group
            )
            try await raw.send(
                Frames.request(1, method: "Hold"),
                Frames.request(3, method: "Hold")
            )
            let call = await live.calls.wait(for: 1)[0]
            raw.breakOff()
            await call.whenCancelled()
            #expect(live.calls.all.count == 1)
        }
    }

    @Test("after the client's end, running calls are answered and the connection closes")
    func halfClose() async throws {
        try await LiveServer.run { live in
            let tls = try live.identities.client(named: "alice")
            for raw in [
                try await RawClient.connect(unixSocket: live.socketPath, group: live.group),
                try await RawClient.connect(port: live.port, tls: tls, group: live.group),
            ] {
                let before = live.calls.all.count
                try await raw.send(Frames.request(1, method: "Hold"), Frames.request(3))
                let call = await live.calls.wait(for: before + 1)[before]
                try await raw.closeOutput()
                call.succeed(ByteBuffer(string: "late"))
                let replies = try Reply.all(in: await raw.receiveUntilClosed())
                #expect(replies.map(\.streamID).sorted() == [1, 3])
            }
        }
    }

    @Test("draining refuses new calls, finishes running ones, and closes what is idle")
    func draining() async throws {
        try await LiveServer.run { live in
            let idle = try await live.connect()
            let busy = try await live.connect()
            async let held = busy.call("Hold")
            let call = await live.calls.wait(for: 1)[0]
            async let drained: Void = live.server.drain(seconds: 30)
            // The idle connection's end tells that draining has begun.
            await idle.whenClosed()
            #expect(live.server.isDraining)
            // The busy one is told in the same sweep, before this call can arrive.
            #expect(await busy.failure("Echo") == .unavailable)
            #expect(try await busy.call("Health") == "live")
            await #expect(throws: (any Error).self) { try await live.connect() }
            call.succeed(ByteBuffer(string: "finished"))
            #expect(try await held == "finished")
            await drained
            #expect(live.server.connectionCount == 0)
            await #expect(throws: RPCError(.draining, "")) {
                try await live.server.listen(unixSocket: live.socketPath)
            }
        }
    }

    @Test("what still runs when the time to drain is over is cut")
    func cutting() async throws {
        try await LiveServer.run { live in
            let client = try await live.connect()
            async let held = client.failure("Hold")
            let call = await live.calls.wait(for: 1)[0]
            await live.server.drain(seconds: 0)
            #expect(await held == .unavailable)
            #expect(call.isCancelled)
        }
    }

    @Test("a connection past the limit is closed, and its place can be had again")
    func connectionLimit() async throws {
        var limits = RPCLimits()
        limits.maxConnections = 1
        try await LiveServer.run(limits: limits) { live in
            let first = try await live.connectLocally()
            #expect(try await first.call("Echo", "a") == "a")
            let second = try await live.connectLocally()
            #expect(await second.failure("Echo") == .unavailable)
            await first.close()
            // The server learns of the end on its own loop.
            while live.server.connectionCount > 0 { await Task.yield() }
            let third = try await live.connectLocally()
            #expect(try await third.call("Echo", "b") == "b")
        }
    }

    @Test("handshakes past the limit wait for one to end, and are not refused")
    func handshakeLimit() async throws {
        var limits = RPCLimits()
        limits.maxHandshakes = 1
        // None of them gives way for being slow.
        limits.handshakeGrace = .minutes(1)
        try await LiveServer.run(limits: limits) { live in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await live.connect().call("Who") }
                }
                for try await reply in group { #expect(reply == "cert:alice") }
            }
        }
    }

    @Test("sockets that send nothing, or the start of a handshake, keep nobody waiting")
    func silentSockets() async throws {
        var limits = RPCLimits()
        limits.maxHandshakes = 4
        limits.handshakeGrace = .milliseconds(1)
        for bytes in [[], [0x16], [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]] as [[UInt8]] {
            try await LiveServer.run(limits: limits) { live in
                var silent: [RawClient] = []
                for _ in 0..<32 {
                    let raw = try await RawClient.connect(port: live.port, group: live.group)
                    // One that was closed meanwhile does not take it.
                    if !bytes.isEmpty { try? await raw.send(ByteBuffer(bytes: bytes)) }
                    silent.append(raw)
                }
                #expect(try await live.connect().call("Who") == "cert:alice")
                // The oldest were closed: the first of them was told so.
                #expect(try await silent[0].receiveUntilClosed().readableBytes == 0)
                for raw in silent { raw.breakOff() }
            }
        }
    }

    @Test("clients with a certificate get in where others have all connections")
    func anonymousGivesWay() async throws {
        var limits = RPCLimits()
        limits.maxConnections = 2
        try await LiveServer.run(limits: limits) { live in
            let first = try await live.connect(as: nil)
            #expect(try await first.call("Who") == "anonymous")
            let second = try await live.connect(as: nil)
            #expect(try await second.call("Who") == "anonymous")
            let alice = try await live.connect()
            #expect(try await alice.call("Who") == "cert:alice")
            await first.whenClosed()
            #expect(try await second.call("Who") == "anonymous")
            let local = try await live.connectLocally()
            #expect(try await local.call("Who") == "uid:\(getuid())")
            await second.whenClosed()
            let late = try await live.connect()
            #expect(await late.failure("Who") == .unavailable)
            #expect(try await alice.call("Who") == "cert:alice")
        }
    }

    @Test("a client that speaks no TLS gets nowhere")
    func plaintextOnTLSPort() async throws {
        try await LiveServer.run { live in
            let raw = try await RawClient.connect(port: live.port, group: live.group)
            try await raw.send(Frames.request(1))
            let bytes = try await raw.receiveUntilClosed()
            #expect(bytes.readableBytes < 16)  // An alert, at most.
            #expect(live.calls.all.isEmpty)
        }
    }

    @Test("limits that cannot work are refused by name")
    func badLimits() throws {
        var limits = RPCLimits()
        limits.maxReceiveBytes = 1 << 24
        let group = MultiThreadedEventLoopGroup.singleton
        #expect {
            try RPCServer(
                router: Router(methods: []),
                limits: limits,
                logger: .init(label: "test"),
                group: group
            )
        } throws: { error in
            "\(error)" == "maxReceiveBytes is 16777216, expected 1024...16777215"
        }
    }
}
