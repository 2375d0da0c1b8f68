import NIOCore
import Testing
import Text
import Wire

@testable import RPC

@Suite("Connection state")
final class ConnectionStateTests {
    private typealias State = ConnectionState<String>
    private var state = State(limits: RPCLimits())
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func header(_ id: UInt32, _ type: UInt8 = 1, length: UInt32 = 0) -> FrameHeader {
        FrameHeader(length: length, streamID: id, rawType: type, flags: [])
    }

    // The macros cannot take a mutating call on a stored value.
    private func received(_ header: FrameHeader) -> State.FrameAction { state.received(header) }

    private func receivedOversize(_ header: FrameHeader) -> State.FrameAction {
        state.receivedOversize(header)
    }

    private func answered(_ streamID: UInt32) -> Bool { state.answered(streamID) }

    private func close() -> [String] { state.close() }

    private func refusal(_ action: State.FrameAction) -> Status? {
        if case .refuse(let status) = action { status } else { nil }
    }

    private func isRequest(_ action: State.FrameAction) -> Bool {
        if case .request = action { true } else { false }
    }

    private func isDrop(_ action: State.FrameAction) -> Bool {
        if case .drop = action { true } else { false }
    }

    @Test("request ids must be odd and grow; gaps are allowed")
    func streamIDs() {
        #expect(isRequest(received(header(1))))
        #expect(isRequest(received(header(101))))
        let reused = "StreamID cannot be re-used and must increment"
        #expect(refusal(received(header(101)))?.message == reused)
        #expect(refusal(received(header(3)))?.message == reused)
        let even = "StreamID must be odd for client initiated streams"
        #expect(refusal(received(header(102)))?.message == even)
        #expect(refusal(received(header(0)))?.code == .invalidArgument)
        #expect(isRequest(received(header(103))))
        #expect(isRequest(received(header(.max))))
        #expect(refusal(received(header(.max)))?.message == reused)
    }

    @Test("an even id is refused before the type is looked at", arguments: [1, 2, 3, 9, 255])
    func evenIDBeforeType(type: UInt8) {
        #expect(refusal(received(header(2, type)))?.code == .invalidArgument)
    }

    @Test("data ends a running call once; then the stream swallows it")
    func dataOnRunningCall() {
        _ = state.received(header(1))
        state.started("a", streamID: 1, deadline: nil)
        guard case .abort("a", let status) = state.received(header(1, 3)) else {
            Issue.record("expected the call to be aborted")
            return
        }
        #expect(status.code == .invalidArgument)
        #expect(isDrop(received(header(1, 3))))
        #expect(!answered(1))
        #expect(state.callsInFlight == 0)
    }

    @Test("data on a stream that was never opened is refused, on a finished one dropped")
    func dataElsewhere() {
        #expect(refusal(received(header(1, 3)))?.code == .invalidArgument)
        _ = state.received(header(1))
        #expect(isDrop(received(header(1, 3))))
        #expect(refusal(received(header(3, 3)))?.code == .invalidArgument)
        // It did not open the stream.
        #expect(isRequest(received(header(3))))
    }

    @Test("an oversize request is refused and its id may be used again")
    func oversize() {
        let status = refusal(receivedOversize(header(1, length: 16_777_216)))
        #expect(status?.code == .resourceExhausted)
        #expect(
            status?.message == "message length 16777216 exceed maximum message size of 16777215"
        )
        #expect(refusal(receivedOversize(header(2, length: 16_777_216))) == status)
        #expect(isRequest(received(header(1))))
    }

    @Test("oversize data ends a running call, and is dropped on a finished stream")
    func oversizeData() {
        _ = state.received(header(1))
        state.started("a", streamID: 1, deadline: nil)
        guard case .abort("a", let status) = state.receivedOversize(header(1, 3, length: 5_000_000))
        else {
            Issue.record("expected the call to be aborted")
            return
        }
        #expect(status.code == .resourceExhausted)
        #expect(isDrop(receivedOversize(header(1, 3, length: 5_000_000))))
    }

    @Test("the thousand-and-first frame of unknown type closes the connection")
    func unknownFrames() {
        for index in 0..<1_000 {
            let frame = header(1, index % 2 == 0 ? 9 : 2)
            let isOversize = index % 3 == 0
            let action = isOversize ? state.receivedOversize(frame) : state.received(frame)
            #expect(isDrop(action))
        }
        guard case .close(.unknownFrames) = state.received(header(1, 9)) else {
            Issue.record("expected a close")
            return
        }
    }

    @Test("reading stops at the limit of calls and goes on below it")
    func callLimit() {
        for id in 0..<255 {
            state.started("", streamID: UInt32(id * 2 + 1), deadline: nil)
            #expect(state.readsOn)
        }
        state.started("", streamID: 511, deadline: nil)
        #expect(!state.readsOn)
        #expect(answered(1))
        #expect(state.readsOn)
    }

    @Test("reading stops while the socket holds too much")
    func unwritable() {
        state.writabilityChanged(false)
        #expect(!state.readsOn)
        state.writabilityChanged(true)
        #expect(state.readsOn)
    }

    @Test("a closed input ends the connection after the last frame and the last call")
    func halfClose() {
        state.fed(now: start)
        state.started("a", streamID: 1, deadline: nil)
        state.inputClosed()
        #expect(!state.isFinished)
        #expect(answered(1))
        #expect(!state.isFinished)
        state.consumed(.idle, now: start)
        #expect(state.isFinished)
    }

    @Test("a truncated frame does not keep a connection whose input is closed")
    func truncatedFrame() {
        state.fed(now: start)
        state.consumed(.body, now: start)
        state.inputClosed()
        #expect(state.isFinished)
    }

    @Test("draining ends an idle connection at once and a busy one later")
    func draining() {
        #expect(!state.isFinished)
        state.started("a", streamID: 1, deadline: nil)
        state.drain()
        #expect(!state.isFinished)
        #expect(answered(1))
        #expect(state.isFinished)
    }

    @Test("closing hands out the running calls, once")
    func closing() {
        state.started("a", streamID: 1, deadline: start)
        #expect(close() == ["a"])
        #expect(close() == [])
        #expect(!state.readsOn)
        #expect(!answered(1))
        #expect(state.nextTimer == nil)
    }

    // MARK: Time

    @Test("deadlines expire when they pass, each once")
    func deadlines() {
        state.started("late", streamID: 1, deadline: start + .seconds(2))
        state.started("early", streamID: 3, deadline: start + .seconds(1))
        state.started("never", streamID: 5, deadline: nil)
        #expect(state.nextTimer == start + .seconds(1))
        #expect(fire(after: .milliseconds(999)).expired == [])
        #expect(fire(after: .seconds(1)).expired == ["early"])
        #expect(!answered(3))
        #expect(state.nextTimer == start + .seconds(2))
        #expect(fire(after: .seconds(3)).expired == ["late"])
        #expect(state.nextTimer == nil)
        #expect(state.callsInFlight == 1)
    }

    @Test("an answered call's deadline brings nothing but a new look at the others")
    func answeredDeadline() {
        state.started("early", streamID: 1, deadline: start + .seconds(1))
        state.started("late", streamID: 3, deadline: start + .seconds(9))
        #expect(answered(1))
        #expect(fire(after: .seconds(1)).expired == [])
        #expect(state.nextTimer == start + .seconds(9))
    }

    @Test("a begun header has 10 s, a begun body 60 s, and an idle connection all the time")
    func receiveTimeouts() {
        state.consumed(.idle, now: start)
        #expect(state.nextTimer == nil)
        state.consumed(.header, now: start)
        #expect(fire(after: .milliseconds(9_999)).close == nil)
        // More bytes of the same header do not move its time.
        state.consumed(.header, now: start + .seconds(9))
        #expect(state.nextTimer == start + .seconds(10))
        #expect(fire(after: .seconds(10)).close == .headerTimeout)
        state.consumed(.body, now: start + .seconds(10))
        #expect(state.nextTimer == start + .seconds(70))
        #expect(fire(after: .seconds(70)).close == .bodyTimeout)
        state.consumed(.idle, now: start)
        #expect(state.nextTimer == nil)
    }

    @Test("the next frame has a time of its own")
    func nextFrame() {
        state.consumed(.body, now: start)
        _ = state.received(header(1))
        state.consumed(.body, now: start + .seconds(50))
        #expect(state.nextTimer == start + .seconds(110))
    }

    @Test("no frame is late while its connection is not read")
    func pausedFrame() {
        state.consumed(.body, now: start)
        state.writabilityChanged(false)
        #expect(fire(after: .seconds(600)).close == nil)
        state.writabilityChanged(true)
        #expect(fire(after: .seconds(600)).close == nil)
    }

    @Test("a peer that takes nothing for 30 s is found, one that takes something is not")
    func writeStall() {
        state.flushed(1_000, now: start)
        #expect(fire(after: .seconds(8), unsent: 900).close == nil)
        #expect(fire(after: .seconds(16), unsent: 899).close == nil)
        #expect(fire(after: .seconds(24), unsent: 899).close == nil)
        // More is written, nothing is taken.
        state.flushed(100, now: start + .seconds(30))
        #expect(fire(after: .seconds(45), unsent: 999).close == nil)
        #expect(fire(after: .seconds(53), unsent: 999).close == .writeStalled)
    }

    @Test("a peer that has taken everything is watched no longer")
    func writeCaughtUp() {
        state.flushed(1_000, now: start)
        #expect(fire(after: .seconds(40), unsent: 0).close == nil)
        #expect(state.nextTimer == nil)
        state.flushed(1_000, now: start + .seconds(50))
        #expect(state.nextTimer != nil)
    }

    private func fire(after time: TimeAmount, unsent: Int = 0) -> State.TimerOutcome {
        state.timerFired(now: start + time, unsentBytes: unsent)
    }
}
