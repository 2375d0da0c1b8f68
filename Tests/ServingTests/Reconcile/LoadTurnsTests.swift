import Registry
import Testing

@testable import Serving

@Suite("Which loads run at once")
struct LoadTurnsTests {
    private typealias Turns = LoadTurns<Int>

    private func wait(
        _ id: Int,
        model: String = "m",
        isLive: Bool = true,
        isSuspect: Bool = false,
        for principals: String...,
        in turns: inout Turns
    ) {
        turns.wait(
            LoadWaiter(
                version: VersionID(model: model, version: UInt64(id)),
                principals: principals.isEmpty ? [AuditAction.serverPrincipal] : principals,
                isLive: isLive,
                isSuspect: isSuspect,
                token: id
            )
        )
    }

    /// The loads in the order in which they begin, each one ended before the next.
    private func order(_ turns: inout Turns) -> [Int] {
        var order: [Int] = []
        while let next = turns.next() {
            order.append(next.token)
            turns.end(next.turn)
        }
        return order
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
        var turns = Turns(.server)
        for id in 0..<2 { wait(id, in: &turns) }
        var begun = begin(&turns)
        #expect(begun.map(\.token) == [0])
        turns.end(begun[0].turn)
        turns.beginStart(width: 3)
        for id in 2..<6 { wait(id, in: &turns) }
        begun = begin(&turns)
        #expect(begun.map(\.token) == [1, 2, 3])
        #expect(Set(begun.compactMap { $0.turn.lane.thread.map(ObjectIdentifier.init) }).count == 3)
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
        var turns = Turns(.server)
        turns.beginStart(width: 3)
        turns.endStart()
        for id in 0..<2 { wait(id, in: &turns) }
        #expect(begin(&turns).map(\.token) == [0])
    }

    @Test("what aliases answer with goes first")
    func liveFirst() {
        var turns = Turns(.server)
        for id in 0..<3 { wait(id, isLive: id == 2, in: &turns) }
        turns.beginStart(width: 2)
        #expect(begin(&turns).map(\.token) == [2, 0])
    }

    @Test("principals take turns, each in the order in which it asked", arguments: [true, false])
    func principals(isLive: Bool) {
        var turns = Turns(.server)
        for id in 0..<5 { wait(id, isLive: isLive, for: "a", in: &turns) }
        for id in 5..<7 { wait(id, isLive: isLive, for: "b", in: &turns) }
        wait(7, isLive: isLive, for: "c", in: &turns)
        #expect(order(&turns) == [0, 5, 7, 1, 6, 2, 3, 4])
        // Turns that are over count: who had many before does not go first again.
        for id in 0..<2 { wait(id, isLive: isLive, for: "a", in: &turns) }
        wait(2, isLive: isLive, for: "c", in: &turns)
        #expect(order(&turns) == [2, 0, 1])
    }

    @Test("loads of callers do not go before what aliases answer with, whoever they are")
    func liveBeforeCallers() {
        var turns = Turns(.server)
        wait(0, isLive: false, for: "a", in: &turns)
        for id in 1..<4 { wait(id, in: &turns) }
        #expect(order(&turns) == [1, 2, 3, 0])
    }

    @Test("a load that waits goes in the turn of another principal that asks for it too")
    func joined() {
        var turns = Turns(.server)
        for id in 0..<6 { wait(id, model: "m", isLive: false, for: "a", in: &turns) }
        turns.join(VersionID(model: "m", version: 4), "b")
        turns.join(VersionID(model: "m", version: 4), "b")
        turns.join(VersionID(model: "n", version: 3), "b")
        #expect(order(&turns) == [0, 4, 1, 2, 3, 5])
        for id in 0..<3 { wait(id, isLive: false, for: "a", in: &turns) }
        wait(3, isLive: false, for: "a", "c", in: &turns)
        #expect(order(&turns) == [3, 0, 1, 2])
    }

    @Test("a suspect that has the next turn holds it until it may run alone")
    func suspectTurn() {
        var turns = Turns(.server)
        turns.beginStart(width: 2)
        wait(0, isLive: false, for: "a", in: &turns)
        wait(1, isLive: false, for: "a", in: &turns)
        wait(2, isLive: false, isSuspect: true, for: "b", in: &turns)
        let first = begin(&turns)
        #expect(first.map(\.token) == [0])
        turns.end(first[0].turn)
        let second = begin(&turns)
        #expect(second.map(\.token) == [2])
        turns.end(second[0].turn)
        #expect(begin(&turns).map(\.token) == [1])
    }

    @Test("loads of one principal that take long leave places to others, but for the server's own")
    func overtakenOfOne() {
        func overtaken(_ principal: String, in turns: inout Turns) -> Int {
            for id in 0..<Turns.maxOvertaken + 3 { wait(id, for: principal, in: &turns) }
            var count = 0
            while let next = turns.next() {
                turns.letOvertake(next.turn)
                count += 1
            }
            return count
        }
        var turns = Turns(.server)
        #expect(overtaken("a", in: &turns) == Turns.maxOvertakenPerPrincipal + 1)
        #expect(overtaken("b", in: &turns) == Turns.maxOvertakenPerPrincipal)
        turns = Turns(.server)
        #expect(overtaken(AuditAction.serverPrincipal, in: &turns) == Turns.maxOvertaken + 1)
    }

    @Test("so many principals are remembered, and those that wait besides")
    func remembered() {
        var waiting = WaitingLoads<Int>()
        func add(_ id: Int, _ principal: String) {
            waiting.append(
                LoadWaiter(
                    version: VersionID(model: "m", version: UInt64(id)),
                    principals: [principal],
                    isLive: false,
                    isSuspect: false,
                    token: id
                )
            )
        }
        func take() -> Int? {
            waiting.next(ofModel: { _ in true }, for: { _ in true }).map { waiting.take($0).token }
        }
        add(0, "first")
        #expect(take() == 0)
        for id in 1..<WaitingLoads<Int>.maxRemembered {
            add(id, "p\(id)")
            #expect(take() == id)
        }
        // Its turn is remembered: another goes first.
        add(1, "first")
        add(2, "new")
        #expect(take() == 2)
        #expect(take() == 1)
        #expect(take() == nil)
    }

    @Test("a version that the process ended with before is loaded alone")
    func suspect() {
        var turns = Turns(.server)
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
        var turns = Turns(.server)
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
        var turns = Turns(.server)
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

    @Test("of a model one version is loaded at once, but for live ones, and other models overtake")
    func onePerModel() {
        var turns = Turns(.host, width: 3, isOnePerModel: true)
        wait(0, model: "a", isLive: false, in: &turns)
        wait(1, model: "a", isLive: false, in: &turns)
        wait(2, model: "b", isLive: false, in: &turns)
        wait(3, model: "a", isLive: true, in: &turns)
        let begun = begin(&turns)
        #expect(begun.map(\.token) == [3, 2])
        turns.end(begun[0].turn)
        let next = begin(&turns)
        #expect(next.map(\.token) == [0])
        turns.end(next[0].turn)
        #expect(begin(&turns).map(\.token) == [1])
    }

    @Test("a load that takes long is overtaken, so many of them at most, and its memory counts on")
    func overtaken() {
        var turns = Turns(.server)
        for id in 0..<Turns.maxOvertaken + 3 { wait(id, in: &turns) }
        var last: LoadTurn?
        for id in 0..<Turns.maxOvertaken + 1 {
            let begun = begin(&turns)
            #expect(begun.map(\.token) == [id])
            turns.reserve(1, for: begun[0].turn)
            turns.letOvertake(begun[0].turn)
            last = begun[0].turn
        }
        #expect(begin(&turns).isEmpty)
        if let last {
            #expect(turns.reservedBytes(besides: last) == UInt64(Turns.maxOvertaken))
            turns.end(last)
        }
        #expect(begin(&turns).count == 1)
    }

    @Test("a suspect that takes long does not hold up others")
    func overtakenSuspect() {
        var turns = Turns(.server)
        wait(0, isSuspect: true, in: &turns)
        wait(1, in: &turns)
        let first = begin(&turns)
        #expect(first.map(\.token) == [0])
        turns.letOvertake(first[0].turn)
        #expect(begin(&turns).map(\.token) == [1])
    }

    @Test("an abandoned load gives its turn back and its thread never")
    func abandoned() {
        var turns = Turns(.server)
        wait(0, in: &turns)
        let first = begin(&turns)[0].turn
        turns.reserve(10, for: first)
        turns.abandon(first)
        #expect(turns.isIdle)
        // As the reconciler does at the end of each turn.
        turns.end(first)
        wait(1, in: &turns)
        let second = begin(&turns)[0].turn
        #expect(second.lane.thread !== first.lane.thread)
        #expect(turns.reservedBytes(besides: second) == 0)
    }

    @Test("memory is a load's own if no load of any place ran beside it")
    func undisturbed() throws {
        var schedule = LoadSchedule<Int>()
        func begin(_ id: Int, _ place: LoadPlace) -> LoadTurn? {
            schedule[place].wait(
                LoadWaiter(
                    version: VersionID(model: "\(id)", version: 1),
                    principals: ["cert:ann"],
                    isLive: true,
                    isSuspect: false,
                    token: id
                )
            )
            return schedule.next()?.turn
        }
        let first = try #require(begin(0, .server))
        var moment = schedule.moment(of: first)
        #expect(schedule.isUndisturbed(first, since: moment))
        let second = try #require(begin(1, .host))
        #expect(!schedule.isUndisturbed(first, since: moment))
        moment = schedule.moment(of: second)
        #expect(!schedule.isUndisturbed(second, since: moment))
        schedule[.server].end(first)
        moment = schedule.moment(of: second)
        #expect(schedule.isUndisturbed(second, since: moment))
        schedule[.host].reserve(5, for: second)
        let third = try #require(begin(2, .server))
        #expect(schedule.reservedBytes(besides: third) == 5)
        #expect(schedule.reservedBytes(besides: second) == 0)
    }
}
