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
        var open: [ObjectIdentifier: ConnectionLink] = [:]
        var handshaking: Set<ObjectIdentifier> = []
        var isDraining = false
        /// Called once each when a handshake's place becomes free.
        var waitingToAccept: [@Sendable () -> Void] = []
        var waitingForEmpty: [CheckedContinuation<Void, Never>] = []
    }

    private let limits: RPCLimits
    private let state = Mutex(State())

    init(limits: RPCLimits) {
        self.limits = limits
    }

    /// Connections that are open.
    var count: Int { state.withLock { $0.open.count } }

    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Enters a new connection, with its handshake if it has one.
    func add(_ link: ConnectionLink, handshakes: Bool) -> Admission {
        state.withLock { state in
            guard !state.isDraining else { return .draining }
            guard state.open.count < limits.maxConnections else { return .full }
            state.open[ObjectIdentifier(link)] = link
            if handshakes { state.handshaking.insert(ObjectIdentifier(link)) }
            return .admitted
        }
    }

    /// Marks a connection's handshake as over; once more does nothing.
    func handshakeEnded(_ link: ConnectionLink) {
        let waiting = state.withLock { $0.endHandshake(link) }
        for accept in waiting { accept() }
    }

    /// Strikes out a connection that is closed; one that was never entered does nothing.
    func remove(_ link: ConnectionLink) {
        let (accepts, empties) = state.withLock { state in
            let accepts = state.endHandshake(link)
            state.open[ObjectIdentifier(link)] = nil
            return (accepts, state.takeWaitingForEmpty())
        }
        for accept in accepts { accept() }
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
            return Array(state.open.values)
        }
        for link in links { link.drain() }
    }

    /// Closes what is still open.
    func cut() {
        let links = state.withLock { Array($0.open.values) }
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
    fileprivate mutating func endHandshake(_ link: ConnectionLink) -> [@Sendable () -> Void] {
        guard handshaking.remove(ObjectIdentifier(link)) != nil else { return [] }
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
