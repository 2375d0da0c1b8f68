import NIOCore
import NIOEmbedded
import TLS
import Testing

@testable import RPC

@Suite("Turns of a loop")
struct LoopTurnsTests {
    /// Takes as many turns as it has pieces of work.
    private final class Taker: TurnTaker {
        let name: String
        let events: Events
        let turns: LoopTurns
        var pieces: Int

        init(_ name: String, _ pieces: Int, _ turns: LoopTurns, _ events: Events) {
            (self.name, self.pieces, self.turns, self.events) = (name, pieces, turns, events)
        }

        func takeTurn() {
            events.add(name)
            pieces -= 1
            if pieces > 0 { turns.wait(self) }
        }
    }

    private let loop = EmbeddedEventLoop()
    private let events = Events()

    private func round() { loop.advanceTime(by: LoopTurns.pauseTime) }

    @Test("each that waits gets one turn a round, in the order of waiting")
    func order() {
        let turns = LoopTurns(of: loop)
        turns.wait(Taker("a", 3, turns, events))
        turns.wait(Taker("b", 1, turns, events))
        #expect(events.all.isEmpty)
        round()
        #expect(events.all == ["a", "b"])
        turns.wait(Taker("c", 1, turns, events))
        round()
        #expect(events.all == ["a", "b", "a", "c"])
        round()
        round()
        #expect(events.all == ["a", "b", "a", "c", "a"])
    }

    @Test("the loop has its sockets to itself between two rounds")
    func pause() {
        let turns = LoopTurns(of: loop)
        turns.wait(Taker("a", 2, turns, events))
        loop.run()
        #expect(events.all.isEmpty)
        round()
        loop.run()
        #expect(events.all == ["a"])
    }

    @Test("work that may begin at once waits where others wait")
    func atOnce() {
        let turns = LoopTurns(of: loop)
        turns.take(Taker("a", 1, turns, events))
        #expect(events.all == ["a"])
        turns.wait(Taker("b", 1, turns, events))
        turns.take(Taker("c", 1, turns, events))
        #expect(events.all == ["a"])
        round()
        #expect(events.all == ["a", "b", "c"])
    }
}
