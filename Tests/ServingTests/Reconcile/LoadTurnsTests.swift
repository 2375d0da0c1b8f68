import Testing

@testable import Serving

@Suite("Which loads run at once")
struct LoadTurnsTests {
    private typealias Turns = LoadTurns<Int>

    private func wait(
        _ id: Int,
        isLive: Bool = true,
        isSuspect: Bool = false,
        in turns: inout Turns
    ) {
        turns.wait(Turns.Waiter(isLive: isLive, isSuspect: isSuspect, token: id))
    }

    private func begin(_ turns: inout Turns) -> [(token: Int, turn: LoadTurn)] {
        var begun: [(token: Int, turn: LoadTurn)] = []
        while let next = turns.next() { begun.append(next) }
        return begun
    }

    @Test(
        "one load runs at a time, and at the start as many as it is said, on threads of their own"
    )
    func width() throws {
        var turns = Turns()
        for id in 0..<2 { wait(id, in: &turns) }
        var begun = begin(&turns)
        #expect(begun.map(\.token) == [0])
        turns.end(begun[0].turn)
        turns.beginStart(width: 3)
        for id in 2..<6 { wait(id, in: &turns) }
        begun = begin(&turns)
        #expect(begun.map(\.token) == [1, 2, 3])
        #expect(Set(begun.map { ObjectIdentifier($0.turn.lane.thread) }).count == 3)
        turns.end(begun[1].turn)
        begun += begin(&turns)
        #expect(begun.map(\.token) == [1, 2, 3, 4])
        #expect(begun[3].turn.lane.thread === begun[1].turn.lane.thread)
        for index in [0, 2, 3] { turns.end(begun[index].turn) }
        begun = begin(&turns)
        #expect(begun.map(\.token) == [5])
        turns.end(begun[0].turn)
        // Nothing runs for a moment, and the start goes on.
        for id in 6..<10 { wait(id, in: &turns) }
        begun = begin(&turns)
        #expect(begun.map(\.token) == [6, 7, 8])
        turns.endStart()
        for load in begun { turns.end(load.turn) }
        begun = begin(&turns)
        #expect(begun.map(\.token) == [9])
        turns.end(begun[0].turn)
        // All that the start asked for is done.
        for id in 10..<12 { wait(id, in: &turns) }
        #expect(begin(&turns).map(\.token) == [10])
    }

    @Test("a start without a load leaves one at a time")
    func emptyStart() {
        var turns = Turns()
        turns.beginStart(width: 3)
        turns.endStart()
        for id in 0..<2 { wait(id, in: &turns) }
        #expect(begin(&turns).map(\.token) == [0])
    }

    @Test("what aliases answer with goes first")
    func liveFirst() {
        var turns = Turns()
        for id in 0..<3 { wait(id, isLive: id == 2, in: &turns) }
        turns.beginStart(width: 2)
        #expect(begin(&turns).map(\.token) == [2, 0])
    }

    @Test("a version that the process ended with before is loaded alone")
    func suspect() {
        var turns = Turns()
        turns.beginStart(width: 3)
        wait(0, in: &turns)
        wait(1, isSuspect: true, in: &turns)
        wait(2, in: &turns)
        var begun = begin(&turns)
        #expect(begun.map(\.token) == [0])
        turns.end(begun[0].turn)
        begun = begin(&turns)
        #expect(begun.map(\.token) == [1])
        turns.end(begun[0].turn)
        #expect(begin(&turns).map(\.token) == [2])
    }

    @Test("memory that others are expected to take is reserved until they have ended")
    func memory() {
        var turns = Turns()
        turns.beginStart(width: 2)
        for id in 0..<2 { wait(id, in: &turns) }
        let begun = begin(&turns)
        #expect(turns.reservedBytes(besides: begun[1].turn) == 0)
        turns.reserve(10, for: begun[0].turn)
        #expect(turns.reservedBytes(besides: begun[1].turn) == 10)
        #expect(turns.reservedBytes(besides: begun[0].turn) == 0)
        turns.end(begun[0].turn)
        #expect(turns.reservedBytes(besides: begun[1].turn) == 0)
    }

    @Test("only a load beside which none ran is alone")
    func alone() {
        var turns = Turns()
        turns.beginStart(width: 2)
        wait(0, in: &turns)
        let first = begin(&turns)[0].turn
        #expect(turns.isAlone(first))
        wait(1, in: &turns)
        let second = begin(&turns)[0].turn
        #expect(!turns.isAlone(first) && !turns.isAlone(second))
        turns.end(first)
        #expect(!turns.isAlone(second))
    }
}
