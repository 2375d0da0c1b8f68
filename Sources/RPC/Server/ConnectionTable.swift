internal import NIOCore
internal import Synchronization

/// All connections of a server: how many there are, how many are in their handshake, and when
/// the last one has gone.
final class ConnectionTable: Sendable {
    /// Whether a new connection may stay.
    enum Admission: Equatable {
        case admitted
        case full
        case draining
    }

    fileprivate struct State {
        var open: [ObjectIdentifier: Entry] = [:]
        var handshaking: Set<ObjectIdentifier> = []
        var isDraining = false
        /// Called once each when a handshake's place becomes free.
        var waitingToAccept: [@Sendable () -> Void] = []
        var waitingForEmpty: [CheckedContinuation<Void, Never>] = []
    }

    fileprivate struct Entry {
        let link: ConnectionLink
        var speaks: ConnectionProtocol
    }

    private let limits: RPCLimits
    private let meter: ConnectionMeter
    private let state = Mutex(State())

    init(limits: RPCLimits, meter: ConnectionMeter = ConnectionMeter()) {
        self.limits = limits
        self.meter = meter
    }

    /// Connections that are open.
    var count: Int { state.withLock { $0.open.count } }

    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Enters a new connection, with its handshake if it has one.
    /// - Parameter speaks: what it speaks, if there is no choice.
    func add(
        _ link: ConnectionLink,
        handshakes: Bool,
        speaks: ConnectionProtocol = .ttrpc
    ) -> Admission {
        let admission: Admission = state.withLock { state in
            guard !state.isDraining else { return .draining }
            guard state.open.count < limits.maxConnections else { return .full }
            state.open[ObjectIdentifier(link)] = Entry(link: link, speaks: speaks)
            if handshakes { state.handshaking.insert(ObjectIdentifier(link)) }
            return .admitted
        }
        meter.update { figures in
            guard admission == .admitted else { return figures.refused += 1 }
            figures.accepted += 1
            figures.open[speaks, default: 0] += 1
        }
        return admission
    }

    /// Notes what a connection speaks, once its first byte is there.
    func decided(_ link: ConnectionLink, _ speaks: ConnectionProtocol) {
        let before = state.withLock { state in
            let before = state.open[ObjectIdentifier(link)]?.speaks
            state.open[ObjectIdentifier(link)]?.speaks = speaks
            return before
        }
        guard let before else { return }
        meter.update { figures in
            figures.open[before, default: 0] -= 1
            figures.open[speaks, default: 0] += 1
        }
    }

    /// Marks a connection's handshake as over; once more does nothing.
    func handshakeEnded(_ link: ConnectionLink) {
        guard let waiting = state.withLock({ $0.endHandshake(link) }) else { return }
        meter.update { $0.handshakes += 1 }
        for accept in waiting { accept() }
    }

    /// Strikes out a connection that is closed; one that was never entered does nothing.
    func remove(_ link: ConnectionLink) {
        let (accepts, entry, empties) = state.withLock { state in
            let accepts = state.endHandshake(link)
            let entry = state.open.removeValue(forKey: ObjectIdentifier(link))
            return (accepts, entry, state.takeWaitingForEmpty())
        }
        meter.update { figures in
            if accepts != nil { figures.failedHandshakes += 1 }
            if let entry { figures.open[entry.speaks, default: 0] -= 1 }
        }
        for accept in accepts ?? [] { accept() }
        for empty in empties { empty.resume() }
    }

    /// Whether a connection may be accepted now; if not, `accept` is called when one may.
    func mayAccept(orLater accept: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard state.handshaking.count >= limits.maxHandshakes else { return true }
            state.waitingToAccept.append(accept)
            return false
        }
    }

    /// Admits no connection from here on, and tells those that are open to end.
    func drain() {
        let links = state.withLock { state in
            state.isDraining = true
            return state.open.values.map(\.link)
        }
        for link in links { link.drain() }
    }

    /// Closes what is still open.
    func cut() {
        let links = state.withLock { $0.open.values.map(\.link) }
        for link in links { link.cut() }
    }

    /// Returns when no connection is open.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                guard !state.open.isEmpty else { return true }
                state.waitingForEmpty.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }
}

extension ConnectionTable.State {
    /// - Returns: who waited for its end; nil: it was over before.
    fileprivate mutating func endHandshake(_ link: ConnectionLink) -> [@Sendable () -> Void]? {
        guard handshaking.remove(ObjectIdentifier(link)) != nil else { return nil }
        let waiting = waitingToAccept
        waitingToAccept = []
        return waiting
    }

    fileprivate mutating func takeWaitingForEmpty() -> [CheckedContinuation<Void, Never>] {
        guard open.isEmpty else { return [] }
        let waiting = waitingForEmpty
        waitingForEmpty = []
        return waiting
    }
}
