internal import NIOCore
internal import TLS

/// How far a handshake has come.
enum HandshakeStage {
    /// The peer has sent nothing.
    case silent
    /// The peer has sent a part of its ClientHello.
    case begun
    /// The ClientHello was answered, which took the peer some work as well.
    case answered
    /// The server has yet to look at what the peer sent. Such a handshake does not give way.
    case received

    init(_ progress: TLSHandshakeProgress) {
        self =
            switch progress {
            case .received: .received
            case .began: .begun
            case .answered: .answered
            }
    }
}

/// The entries of a ``ConnectionTable``, and the choice of those that give way to others.
struct ConnectionTableState {
    /// Connections accepted in one go; the gate keeps room for them.
    static let maxAcceptBurst = 16

    struct Entry {
        let link: ConnectionLink
        var speaks: ConnectionProtocol
    }

    /// A connection whose handshake has not ended.
    struct Unfinished {
        let link: ConnectionLink
        var stage = HandshakeStage.silent
        /// When it came to this stage.
        var since: NIODeadline

        /// The order in which connections give way.
        func age(_ bonus: TimeAmount) -> NIODeadline {
            stage == .answered ? since + bonus : since
        }
    }

    /// A connection that is closed for another.
    struct Evicted {
        let link: ConnectionLink
        let reason: DropReason
    }

    /// The outcome of the end of a handshake.
    struct HandshakeEnd {
        let admission: ConnectionTable.Admission
        let evicted: [Evicted]
        /// Listeners that waited for it.
        let accepts: [@Sendable () -> Void]
    }

    struct Removal {
        let speaks: ConnectionProtocol
        let wasUnfinished: Bool
        let wasAnonymous: Bool
        /// Listeners that waited for the end of its handshake.
        let accepts: [@Sendable () -> Void]
    }

    private let limits: RPCLimits
    var open: [ObjectIdentifier: Entry] = [:]
    private var unfinished: [ObjectIdentifier: Unfinished] = [:]
    private var anonymous: [ObjectIdentifier: ConnectionLink] = [:]
    /// Chosen to give way, and not closed yet.
    private var leaving: Set<ObjectIdentifier> = []
    var isDraining = false
    /// Each is called once, when the handshake of some connection has ended; by listener.
    private var waitingToAccept: [ObjectIdentifier: @Sendable () -> Void] = [:]
    var waitingForEmpty: [CheckedContinuation<Void, Never>] = []

    init(limits: RPCLimits) {
        self.limits = limits
    }

    /// Connections that count towards the limit: those in their handshake have a limit of their
    /// own, as their kind is not known.
    private var finished: Int { open.count - unfinished.count - leaving.count }

    mutating func add(
        _ link: ConnectionLink,
        handshakes: Bool,
        speaks: ConnectionProtocol
    ) -> (ConnectionTable.Admission, [Evicted]) {
        guard !isDraining else { return (.draining, []) }
        var evicted: [Evicted] = []
        if handshakes {
            // Two listeners may fill the gate at once; their surplus gives way without grace.
            if unfinished.count >= limits.maxHandshakes + Self.maxAcceptBurst,
                let one = evictUnfinished(before: .distantFuture)
            {
                evicted.append(one)
            }
            unfinished[ObjectIdentifier(link)] = Unfinished(link: link, since: .now())
        } else if finished >= limits.maxConnections {
            guard let one = evictAnonymous() else { return (.full, []) }
            evicted.append(one)
        }
        open[ObjectIdentifier(link)] = Entry(link: link, speaks: speaks)
        return (.admitted, evicted)
    }

    mutating func remove(_ link: ConnectionLink) -> Removal? {
        let id = ObjectIdentifier(link)
        guard let entry = open.removeValue(forKey: id) else { return nil }
        leaving.remove(id)
        let wasUnfinished = unfinished.removeValue(forKey: id) != nil
        return Removal(
            speaks: entry.speaks,
            wasUnfinished: wasUnfinished,
            wasAnonymous: anonymous.removeValue(forKey: id) != nil,
            accepts: wasUnfinished ? takeWaitingToAccept() : []
        )
    }

    mutating func takeWaitingForEmpty() -> [CheckedContinuation<Void, Never>] {
        guard open.isEmpty else { return [] }
        let waiting = waitingForEmpty
        waitingForEmpty = []
        return waiting
    }
}

// MARK: - Handshakes

extension ConnectionTableState {
    mutating func handshakeProgressed(_ link: ConnectionLink, _ stage: HandshakeStage) {
        unfinished[ObjectIdentifier(link)]?.stage = stage
        unfinished[ObjectIdentifier(link)]?.since = .now()
    }

    /// - Returns: nil if the handshake was over before, or the connection has to leave.
    mutating func endHandshake(_ link: ConnectionLink, isAnonymous: Bool) -> HandshakeEnd? {
        let id = ObjectIdentifier(link)
        // Counted while it is unfinished: without itself.
        guard unfinished[id] != nil else { return nil }
        let isFull =
            finished >= limits.maxConnections
            || isAnonymous && anonymous.count >= limits.maxAnonymousConnections
        let evicted = isFull ? evictAnonymous() : nil
        unfinished[id] = nil
        let isAdmitted = !isFull || evicted != nil
        if !isAdmitted {
            leaving.insert(id)
        } else if isAnonymous {
            anonymous[id] = link
        }
        return HandshakeEnd(
            admission: isAdmitted ? .admitted : .full,
            evicted: evicted.map { [$0] } ?? [],
            accepts: takeWaitingToAccept()
        )
    }

    /// Whether a connection may be accepted, with those that give way to it.
    mutating func gate(
        _ listener: ObjectIdentifier,
        now: NIODeadline,
        orLater accept: @escaping @Sendable () -> Void
    ) -> (ConnectionTable.Gate, [Evicted]) {
        var evicted: [Evicted] = []
        // One that gives way makes room for the other connections of a burst too.
        let room = limits.acceptBurst
        while unfinished.count > limits.maxHandshakes - room,
            let one = evictUnfinished(before: now - limits.handshakeGrace)
        {
            evicted.append(one)
        }
        guard unfinished.count >= limits.maxHandshakes else { return (.open, evicted) }
        waitingToAccept[listener] = accept
        let first = unfinished.values.filter { $0.stage != .received }.map(\.since).min() ?? now
        return (.closed(until: first + limits.handshakeGrace), evicted)
    }

    private mutating func takeWaitingToAccept() -> [@Sendable () -> Void] {
        let waiting = Array(waitingToAccept.values)
        waitingToAccept = [:]
        return waiting
    }

    /// Chooses the connection that has waited longest for its peer. One whose ClientHello was
    /// answered counts as younger: a flood of those that send nothing leaves it the time of a
    /// round trip.
    private mutating func evictUnfinished(before limit: NIODeadline) -> Evicted? {
        let stuck = unfinished.values.filter { $0.stage != .received && $0.since <= limit }
        let bonus = limits.answeredHandshakeBonus
        let oldest = stuck.min { $0.age(bonus) < $1.age(bonus) }
        guard let oldest else { return nil }
        let id = ObjectIdentifier(oldest.link)
        unfinished[id] = nil
        leaving.insert(id)
        return Evicted(link: oldest.link, reason: oldest.stage == .silent ? .silent : .handshake)
    }

    /// Chooses the connection without a principal that has sent nothing for the longest time.
    private mutating func evictAnonymous() -> Evicted? {
        let idle = anonymous.values.min { $0.lastHeard < $1.lastHeard }
        guard let idle else { return nil }
        anonymous[ObjectIdentifier(idle)] = nil
        leaving.insert(ObjectIdentifier(idle))
        return Evicted(link: idle, reason: .anonymous)
    }
}

extension RPCLimits {
    /// Connections accepted in one go.
    var acceptBurst: Int { min(ConnectionTableState.maxAcceptBurst, max(1, maxHandshakes / 16)) }
}
