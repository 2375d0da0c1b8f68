import Logging
import Metrics
import NIOCore
import Testing
import Wire

@testable import RPC

@Suite("The log of failed calls")
struct FailureLogTests {
    private let failures = FailureLog()
    private let recorder = LogRecorder()

    private func key(
        _ model: String = "m",
        _ code: StatusCode = .resourceExhausted,
        _ principal: Principal = .certificate("ann")
    ) -> FailureLog.Key {
        FailureLog.Key(model: model, code: code, principal: principal)
    }

    private func at(_ milliseconds: Int64) -> NIODeadline {
        NIODeadline.uptimeNanoseconds(0) + .milliseconds(milliseconds)
    }

    private func flush(_ milliseconds: Int64?) -> [LogRecorder.Line] {
        let before = recorder.lines.count
        let logger = Logger(label: "test") { [recorder] _ in recorder }
        failures.flush(at: milliseconds.map { at($0) }, to: logger)
        return Array(recorder.lines.dropFirst(before))
    }

    @Test("the first failure has its line at once, those within a second share the next")
    func summedUp() {
        #expect(failures.note(key(), at: at(0)) == 1)
        for time in 1..<100 as Range<Int64> {
            #expect(failures.note(key(), at: at(time)) == nil)
        }
        #expect(flush(999).isEmpty)
        let lines = flush(1_000)
        #expect(lines.count == 1)
        #expect(lines.first?.message == "calls failed")
        #expect(
            lines.first?.metadata == [
                "rpc.calls": "99", "rpc.code": "RESOURCE_EXHAUSTED", "principal": "cert:ann",
                "model.name": "m",
            ]
        )
        // The line of the flush counts as one: the next is due a second later.
        #expect(failures.note(key(), at: at(1_001)) == nil)
        #expect(flush(1_999).isEmpty)
        #expect(flush(2_000).first?.metadata["rpc.calls"] == "1")
        #expect(flush(3_000).isEmpty)
        #expect(failures.note(key(), at: at(3_001)) == 1)
    }

    @Test("a failure after a second has its line, which stands for those before it too")
    func withoutFlush() {
        #expect(failures.note(key(), at: at(0)) == 1)
        for time in 1..<5 as Range<Int64> { _ = failures.note(key(), at: at(time)) }
        #expect(failures.note(key(), at: at(1_000)) == 5)
        #expect(flush(nil).isEmpty)
    }

    @Test("models, codes and principals are counted apart")
    func keys() {
        let keys = [
            key(), key("n"), key("m", .notFound), key("m", .resourceExhausted, .user(7)),
            key("", .unauthenticated, .anonymous), key("m", .internalError),
        ]
        for key in keys { #expect(failures.note(key, at: at(0)) == 1) }
        for key in keys { #expect(failures.note(key, at: at(1)) == nil) }
        let lines = flush(nil)
        #expect(lines.count == keys.count)
        #expect(lines.filter { $0.level == .warning }.count == 1)
        #expect(lines.filter { $0.level == .debug }.map(\.metadata["model.name"]) == [nil])
    }

    @Test("names that callers make up fill a bounded table, and are then counted together")
    func bounded() {
        for number in 0..<FailureLog.maxKeys {
            #expect(failures.note(key("m\(number)"), at: at(0)) == 1)
        }
        #expect(failures.note(key("one more"), at: at(0)) == 1)
        for number in 0..<500 { #expect(failures.note(key("x\(number)"), at: at(1)) == nil) }
        #expect(failures.note(key("m0"), at: at(1)) == nil)
        let lines = flush(1_000)
        #expect(lines.count == 2)
        #expect(lines.contains { $0.metadata == ["rpc.calls": "500"] })
        // Keys that were quiet for a second have left.
        #expect(failures.note(key("one more"), at: at(1_001)) == 1)
        #expect(failures.note(key("one more"), at: at(1_002)) == nil)
    }

    @Test("calls share lines over all connections and methods, and refusals are timed")
    func calls() throws {
        let server = try EmbeddedServer(principal: .certificate("alice"))
        for id in 0..<20 as Range<UInt32> {
            try server.receive(Frames.request(2 * id + 1, method: "Hold"))
        }
        for call in server.calls.all { call.fail(Status(.resourceExhausted, "full")) }
        #expect(try server.replies().count == 20)
        #expect(server.logs.lines.map(\.message) == ["call failed"])
        #expect(server.logs.lines.first?.metadata["rpc.calls"] == nil)
        let refusals = server.router.refusals.filter { $0.latency.count > 0 }
        #expect(refusals.map(\.path) == ["/test.Service/Hold"])
        #expect(refusals.first?.latency.count == 20)
        server.router.failures.flush(at: nil, to: Logger(label: "test") { _ in server.logs })
        #expect(server.logs.lines.last?.metadata["rpc.calls"] == "19")
    }
}
