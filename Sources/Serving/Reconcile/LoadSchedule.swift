internal import Engine

/// The schedulers of all loads.
///
/// In the server one load runs at a time after the start: a load takes memory for a while that no
/// model needs, and its threads compete with those that serve. At the start nothing else takes
/// memory, and as many run as there are processors. In engine hosts as many run at any time, of a
/// model one, so that a load that hangs does not delay those of other publishers.
struct LoadSchedule<Token> {
    private var server = LoadTurns<Token>(.server)
    private var hosts = LoadTurns<Token>(.host, width: Processors.count, isOnePerModel: true)

    subscript(place: LoadPlace) -> LoadTurns<Token> {
        get {
            switch place {
            case .server: server
            case .host: hosts
            }
        }
        set {
            switch place {
            case .server: server = newValue
            case .host: hosts = newValue
            }
        }
    }

    /// The next load that may begin, in any place.
    mutating func next() -> (token: Token, turn: LoadTurn)? { server.next() ?? hosts.next() }

    /// As ``LoadTurns/reservedBytes(besides:)``, of all places.
    func reservedBytes(besides turn: LoadTurn) -> UInt64 {
        server.reservedBytes(besides: turn) + hosts.reservedBytes(besides: turn)
    }

    /// As ``LoadTurns/idleThreads(besides:)``, of the server: memory of hosts needs none.
    func idleThreads(besides turn: LoadTurn) -> [LastingThread] {
        server.idleThreads(besides: turn)
    }

    /// A point in time, to be compared with ``isUndisturbed(_:since:)``.
    struct Moment {
        fileprivate let begun: Int
    }

    /// The present; nil if a load of the other place runs, so that memory may be its own.
    func moment(of turn: LoadTurn) -> Moment? {
        let other = turn.place == .server ? hosts : server
        return other.isIdle ? Moment(begun: other.begun) : nil
    }

    /// Whether no other load has run in any place since a moment of the turn: memory that was taken
    /// since is its own.
    func isUndisturbed(_ turn: LoadTurn, since moment: Moment?) -> Bool {
        let other = turn.place == .server ? hosts : server
        return self[turn.place].isAlone(turn) && moment?.begun == other.begun
    }
}
