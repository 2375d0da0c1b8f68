internal import Metrics
internal import NIOCore
internal import Synchronization

/// All connections of a server: how many there are and of which kind, which of them gives way to
/// another, and when the last one has gone.
final class ConnectionTable: Sendable {
    /// Whether a connection may stay.
    enum Admission: Equatable {
        case admitted
        case full
        case draining
    }

    /// Whether a connection may be accepted.
    enum Gate: Equatable {
        case open
        /// Closed until a handshake ends, or until this time at the latest.
        case closed(until: NIODeadline)
    }

    private let limits: RPCLimits
    private let meter: ConnectionMeter
    private let state: Mutex<ConnectionTableState>

    init(limits: RPCLimits, meter: ConnectionMeter = ConnectionMeter()) {
        self.limits = limits
        self.meter = meter
        state = Mutex(ConnectionTableState(limits: limits))
    }

    /// Connections that are open.
    var count: Int { state.withLock { $0.open.count } }

    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Enters a new connection.
    /// - Parameters:
    ///   - handshakes: whether it begins with a handshake, after which its kind is known. One
    ///     without has a principal.
    ///   - speaks: its protocol, if there is no choice.
    func add(
        _ link: ConnectionLink,
        handshakes: Bool,
        speaks: ConnectionProtocol = .ttrpc
    ) -> Admission {
        let (admission, evicted) = state.withLock { state in
            state.add(link, handshakes: handshakes, speaks: speaks)
        }
        meter.update { figures in
            guard admission == .admitted else { return figures.refused += 1 }
            figures.accepted += 1
            figures.open[speaks, default: 0] += 1
        }
        drop(evicted)
        return admission
    }

    /// Notes a connection's protocol, once its first byte is there.
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

    /// Strikes out a connection that is closed; one that was never entered does nothing.
    func remove(_ link: ConnectionLink) {
        let (removal, empties) = state.withLock { state in
            (state.remove(link), state.takeWaitingForEmpty())
        }
        guard let removal else { return }
        meter.update { figures in
            if removal.wasUnfinished { figures.failedHandshakes += 1 }
            if removal.wasAnonymous { figures.anonymous -= 1 }
            figures.open[removal.speaks, default: 0] -= 1
        }
        for accept in removal.accepts { accept() }
        for empty in empties { empty.resume() }
    }
}

// MARK: - Handshakes

extension ConnectionTable {
    /// Notes how far a handshake has come.
    func handshakeProgressed(_ link: ConnectionLink, _ stage: HandshakeStage) {
        state.withLock { $0.handshakeProgressed(link, stage) }
    }

    /// Counts the time from the arrival of a handshake's first bytes to its start.
    func handshakeWaited(_ time: TimeAmount) {
        meter.handshakeWaits.observe(UInt64(clamping: time.nanoseconds))
    }

    /// Ends a connection's handshake, after which its kind is known; once more does nothing.
    /// - Returns: whether the connection may stay.
    func handshakeEnded(_ link: ConnectionLink, isAnonymous: Bool) -> Admission {
        guard let end = state.withLock({ $0.endHandshake(link, isAnonymous: isAnonymous) })
        else { return .admitted }
        meter.update { figures in
            figures.handshakes += 1
            if end.admission != .admitted { figures.refused += 1 }
            if end.admission == .admitted, isAnonymous { figures.anonymous += 1 }
        }
        drop(end.evicted)
        for accept in end.accepts { accept() }
        return end.admission
    }

    /// Whether a connection may be accepted now; if not, `accept` is called when a handshake ends.
    /// - Parameter listener: has one call outstanding at most.
    func gate(
        _ listener: ObjectIdentifier,
        orLater accept: @escaping @Sendable () -> Void
    ) -> Gate {
        let (gate, evicted) = state.withLock { $0.gate(listener, now: .now(), orLater: accept) }
        drop(evicted)
        return gate
    }

    private func drop(_ evicted: [ConnectionTableState.Evicted]) {
        guard !evicted.isEmpty else { return }
        meter.update { figures in
            for one in evicted {
                figures.dropped[one.reason, default: 0] += 1
                if one.reason == .anonymous {
                    figures.anonymous -= 1
                } else {
                    figures.failedHandshakes += 1
                }
            }
        }
        for one in evicted { one.link.cut() }
    }

    /// Counts a connection that is closed because it was idle without a principal.
    func idled() {
        meter.update { $0.dropped[.idle, default: 0] += 1 }
    }
}

// MARK: - The end

extension ConnectionTable {
    /// Admits no connection from here on, and tells those that are open to end.
    func drain() {
        let links = state.withLock { state in
            state.isDraining = true
            return state.open.values.map(\.link)
        }
        for link in links { link.drain() }
    }

    /// Closes all that are still open.
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
