import Logging
import Metrics
import NIOCore
import NIOEmbedded
import Testing
import Wire

@testable import RPC

@Suite("Counting and logging calls")
struct CallCountTests {
    private let meter = CallMeter(model: "m", version: 7)

    private func meters(_ server: EmbeddedServer) -> [String: CallMeter] {
        Dictionary(server.router.meters.map { ($0.path, $0.meter) }) { $1 }
    }

    @Test("calls are counted with their method, by code")
    func methods() throws {
        let server = try EmbeddedServer()
        try server.receive(
            Frames.request(1),
            Frames.request(3, method: "Fail"),
            Frames.request(5, method: "Fail"),
            Frames.request(7, method: "Up"),
            Frames.request(9, timeoutNano: -1)
        )
        let meters = meters(server)
        #expect(meters["/test.Service/Echo"]?.latency.count == 1)
        let late = Int(StatusCode.deadlineExceeded.rawValue)
        #expect(meters["/test.Service/Echo"]?.failures(code: late) == 1)
        #expect(meters["/test.Service/Fail"]?.failures(code: 5) == 2)
        #expect(meters["/test.Service/Up"]?.failures(code: 12) == 1)
        #expect(meters["/test.Service/Hold"]?.latency.count == 0)
    }

    @Test("a call that has a meter of its own is counted there alone, whatever ends it")
    func ownMeter() throws {
        let server = try EmbeddedServer()
        try server.receive(
            Frames.request(1, method: "Hold"),
            Frames.request(3, method: "Hold"),
            Frames.request(5, method: "Hold", timeoutNano: 1_000)
        )
        for call in server.calls.all { call.count(with: meter) }
        #expect(meter.running == 3)
        server.calls.all[0].succeed(ByteBuffer())
        server.calls.all[1].cancel()
        server.advance(by: .seconds(1))
        for call in server.calls.all { call.fail(Status(.internalError, "late")) }
        #expect(meter.running == 0)
        #expect(meter.latency.count == 1)
        #expect(meter.failuresByCode.map(\.code) == [1, 4])
        #expect(meters(server)["/test.Service/Hold"]?.failed == 0)
    }

    @Test("a call that is over, or is counted already, is not counted again")
    func once() throws {
        let server = try EmbeddedServer()
        try server.receive(Frames.request(1, method: "Hold"), Frames.request(3, method: "Hold"))
        server.calls.all[0].succeed(ByteBuffer())
        server.calls.all[0].count(with: meter)
        server.calls.all[1].count(with: meter)
        server.calls.all[1].count(with: CallMeter(model: "other"))
        #expect(meter.running == 1)
        server.calls.all[1].fail(Status(.notFound, "no"))
        #expect(meter.failures(code: 5) == 1)
    }

    @Test("the line of a failed call has model, version and time")
    func log() throws {
        let server = try EmbeddedServer(principal: .certificate("alice"))
        try server.receive(Frames.request(1, method: "Hold"), Frames.request(3, method: "Hold"))
        server.calls.all[0].count(with: meter)
        server.calls.all[0].note(model: "not this one")
        server.calls.all[0].fail(Status(.notFound, "no"))
        server.calls.all[1].note(model: "n")
        server.calls.all[1].fail(Status(.notFound, "no"))
        let lines = server.logs.lines.map(\.metadata)
        try #require(lines.count == 2)
        #expect(lines[0]["model.name"] == "m")
        #expect(lines[0]["model.version"] == "7")
        #expect(lines[0]["rpc.microseconds"].flatMap { Int($0) } != nil)
        #expect(lines[0]["rpc.code"] == "NOT_FOUND")
        #expect(lines[0]["principal"] == "cert:alice")
        #expect(lines[1]["model.name"] == "n")
        #expect(lines[1]["model.version"] == nil)
    }
}
