import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import RPC

@Suite("The table of connections")
struct ConnectionTableTests {
    private let loop = EmbeddedEventLoop()
    private let meter = ConnectionMeter()
    private var limits = RPCLimits()

    init() {
        limits.maxConnections = 3
        limits.maxAnonymousConnections = 2
        limits.maxHandshakes = 2
    }

    private func table(grace: TimeAmount = .hours(1)) -> ConnectionTable {
        var limits = limits
        limits.handshakeGrace = grace
        return ConnectionTable(limits: limits, meter: meter)
    }

    private func link(heardAt seconds: UInt64 = 0) -> ConnectionLink {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let link = ConnectionLink(eventLoop: loop, logger: logger)
        link.heard(at: .uptimeNanoseconds(seconds * 1_000_000_000))
        return link
    }

    /// Enters a connection whose handshake is over.
    private func finish(
        _ link: ConnectionLink,
        in table: ConnectionTable,
        isAnonymous: Bool
    ) -> ConnectionTable.Admission {
        guard table.add(link, handshakes: true) == .admitted else { return .draining }
        return table.handshakeEnded(link, isAnonymous: isAnonymous)
    }

    private func gate(_ table: ConnectionTable) -> ConnectionTable.Gate {
        table.gate(ObjectIdentifier(meter)) {}
    }

    private var dropped: [DropReason: UInt64] { meter.figures.dropped }

    @Test(
        "the gate is open below the limit on handshakes, and closed at it until the grace is over"
    )
    func gate() {
        let table = table()
        #expect(table.add(link(), handshakes: true) == .admitted)
        #expect(gate(table) == .open)
        let before = NIODeadline.now()
        #expect(table.add(link(), handshakes: true) == .admitted)
        guard case .closed(let until) = gate(table) else {
            Issue.record("the gate is open at the limit")
            return
        }
        #expect(until <= before + .hours(1))
        #expect(dropped.isEmpty)
    }

    @Test("the end of a handshake, or of its connection, opens the gate", arguments: [true, false])
    func gateOpens(completes: Bool) {
        let table = table()
        let first = link()
        let events = Events()
        for link in [first, link()] { #expect(table.add(link, handshakes: true) == .admitted) }
        #expect(table.gate(ObjectIdentifier(meter)) { events.add("open") } != .open)
        #expect(table.gate(ObjectIdentifier(meter)) { events.add("open") } != .open)
        if completes {
            #expect(table.handshakeEnded(first, isAnonymous: false) == .admitted)
        } else {
            table.remove(first)
        }
        // A listener is told once, however often it asked.
        #expect(events.all == ["open"])
        #expect(gate(table) == .open)
    }

    @Test(
        "past the grace the connection that has waited longest gives way",
        arguments: [true, false]
    )
    func oldestFirst(isSilent: Bool) {
        let table = table(grace: .zero)
        let (older, newer) = (link(), link())
        for link in [older, newer] { #expect(table.add(link, handshakes: true) == .admitted) }
        if isSilent { table.handshakeProgressed(newer, .begun) }
        #expect(gate(table) == .open)
        #expect(dropped == [.silent: 1])
        // Its end counts no second time.
        table.remove(older)
        #expect(meter.figures.failedHandshakes == 1)
        #expect(table.add(link(), handshakes: true) == .admitted)
        #expect(table.handshakeEnded(newer, isAnonymous: false) == .admitted)
    }

    @Test("a handshake that goes on has not waited")
    func oldestHandshake() {
        let table = table(grace: .zero)
        let (first, second) = (link(), link())
        for link in [first, second] {
            #expect(table.add(link, handshakes: true) == .admitted)
            table.handshakeProgressed(link, .begun)
        }
        // The first one goes on.
        table.handshakeProgressed(first, .begun)
        #expect(gate(table) == .open)
        #expect(dropped == [.handshake: 1])
        #expect(table.handshakeEnded(first, isAnonymous: false) == .admitted)
        // The second one was told to leave; its handshake does not count.
        #expect(table.handshakeEnded(second, isAnonymous: false) == .admitted)
        #expect(meter.figures.handshakes == 1)
    }

    @Test(
        "a handshake whose ClientHello was answered gives way after younger ones without an answer"
    )
    func answered() {
        let table = table(grace: .zero)
        let (answered, begun) = (link(), link())
        for link in [answered, begun] { #expect(table.add(link, handshakes: true) == .admitted) }
        table.handshakeProgressed(answered, .answered)
        table.handshakeProgressed(begun, .begun)
        #expect(gate(table) == .open)
        table.remove(begun)
        #expect(table.add(link(), handshakes: true) == .admitted)
        #expect(gate(table) == .open)
        #expect(dropped == [.handshake: 1, .silent: 1])
        #expect(table.handshakeEnded(answered, isAnonymous: false) == .admitted)
        #expect(meter.figures.handshakes == 1)
    }

    @Test("a handshake whose bytes the server has not looked at does not give way")
    func received() {
        let table = table(grace: .zero)
        let links = [link(), link()]
        for link in links {
            #expect(table.add(link, handshakes: true) == .admitted)
            table.handshakeProgressed(link, .received)
        }
        #expect(gate(table) != .open)
        #expect(dropped.isEmpty)
        table.handshakeProgressed(links[0], .begun)
        #expect(gate(table) == .open)
        #expect(dropped == [.handshake: 1])
        #expect(table.handshakeEnded(links[1], isAnonymous: false) == .admitted)
        #expect(meter.figures.handshakes == 1)
    }

    @Test("as many anonymous connections as the limit stay; one more replaces the longest idle")
    func anonymousLimit() {
        let table = table()
        let (recent, idle) = (link(heardAt: 9), link(heardAt: 5))
        for link in [recent, idle] {
            #expect(finish(link, in: table, isAnonymous: true) == .admitted)
        }
        #expect(dropped.isEmpty)
        #expect(meter.figures.anonymous == 2)
        #expect(finish(link(heardAt: 10), in: table, isAnonymous: true) == .admitted)
        #expect(dropped == [.anonymous: 1])
        #expect(meter.figures.anonymous == 2)
        table.remove(idle)
        #expect(meter.figures.anonymous == 2)
        table.remove(recent)
        #expect(meter.figures.anonymous == 1)
    }

    @Test("at the limit on connections, anonymous ones give way to those with a principal")
    func connectionLimit() {
        let table = table()
        #expect(finish(link(), in: table, isAnonymous: true) == .admitted)
        for _ in 0..<2 { #expect(finish(link(), in: table, isAnonymous: false) == .admitted) }
        #expect(dropped.isEmpty)
        #expect(finish(link(), in: table, isAnonymous: false) == .admitted)
        #expect(dropped == [.anonymous: 1])
        #expect(meter.figures.anonymous == 0)
        // None is left to give way.
        for isAnonymous in [false, true] {
            #expect(finish(link(), in: table, isAnonymous: isAnonymous) == .full)
        }
        #expect(meter.figures.refused == 2)
        #expect(dropped == [.anonymous: 1])
    }

    @Test("a connection of a unix socket has a principal from the beginning")
    func withoutHandshake() {
        let table = table()
        #expect(finish(link(), in: table, isAnonymous: true) == .admitted)
        for _ in 0..<3 { #expect(table.add(link(), handshakes: false) == .admitted) }
        #expect(dropped == [.anonymous: 1])
        #expect(table.add(link(), handshakes: false) == .full)
    }

    @Test("connections in their handshake do not count towards the limit on connections")
    func unfinished() {
        let table = table()
        for _ in 0..<2 { #expect(table.add(link(), handshakes: true) == .admitted) }
        for _ in 0..<3 { #expect(table.add(link(), handshakes: false) == .admitted) }
        #expect(table.count == 5)
    }

    @Test("handshakes past the limit and a burst give way even within the grace")
    func surplus() {
        let table = table()
        let bound = limits.maxHandshakes + ConnectionTableState.maxAcceptBurst
        for _ in 0..<bound { #expect(table.add(link(), handshakes: true) == .admitted) }
        #expect(dropped.isEmpty)
        #expect(table.add(link(), handshakes: true) == .admitted)
        #expect(dropped == [.silent: 1])
    }
}
