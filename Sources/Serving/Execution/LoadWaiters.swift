internal import Engine
internal import Synchronization

/// The requests that wait for a version to be loaded which they asked for by number, so that each
/// can leave by itself.
final class LoadWaiters: Sendable {
    /// Versions that are waited for at once. What a caller withdraws leaves at once, but what is
    /// being found out for it does not.
    static var maxVersions: Int { 1_024 }
    /// Of them, those that one principal asked for first.
    static var maxVersionsPerPrincipal: Int { LoadOwners.maxLoadsPerPrincipal }
    /// Requests that wait for one version: how long a load takes is not known.
    static var maxRequests: Int { ServingLimits.queuedRequestsUnmeasured }
    /// Of them, those of one principal: the others have places left.
    static var maxRequestsPerPrincipal: Int { maxRequests / 2 }

    /// What waiting for a version calls for.
    enum Entered: Equatable {
        /// It has to be loaded: none asked for it before.
        case first(ticket: UInt64)
        /// It is under way already, and the caller is one more of its owners if it asks for it for
        /// the first time.
        case another(ticket: UInt64, isOwner: Bool)
        /// Too many versions are waited for, or too many requests wait for this one.
        case full
    }

    /// A request that waits.
    struct Waiting: Sendable {
        let request: PredictionRequest
        let since: ContinuousClock.Instant
    }

    /// The requests that wait for one version.
    private struct Line {
        /// The principal that asked first.
        let first: String
        /// Requests that wait, by principal; 0 for one whose requests were withdrawn.
        var principals: [String: Int]
        var requests: [UInt64: Waiting] = [:]
    }

    private struct State {
        var waiting: [VersionID: Line] = [:]
        /// The lines of each principal that asked first.
        var lines: [String: Int] = [:]
        var lastTicket: UInt64 = 0

        mutating func ticket() -> UInt64 {
            lastTicket += 1
            return lastTicket
        }
    }

    private let state = Mutex(State())

    /// Lets a request wait.
    func enter(_ request: PredictionRequest, for id: VersionID) -> Entered {
        let waiting = Waiting(request: request, since: .now)
        return state.withLock { state in
            state.waiting[id] == nil
                ? Self.begin(waiting, for: id, &state) : Self.join(waiting, for: id, &state)
        }
    }

    private static func begin(
        _ waiting: Waiting,
        for id: VersionID,
        _ state: inout State
    ) -> Entered {
        let principal = waiting.request.principal
        let own = state.lines[principal] ?? 0
        guard state.waiting.count < maxVersions, own < maxVersionsPerPrincipal else { return .full }
        let ticket = state.ticket()
        state.lines[principal] = own + 1
        state.waiting[id] = Line(
            first: principal,
            principals: [principal: 1],
            requests: [ticket: waiting]
        )
        return .first(ticket: ticket)
    }

    private static func join(
        _ waiting: Waiting,
        for id: VersionID,
        _ state: inout State
    ) -> Entered {
        let principal = waiting.request.principal
        let own = state.waiting[id]?.principals[principal]
        guard state.waiting[id]?.requests.count ?? 0 < maxRequests,
            own ?? 0 < maxRequestsPerPrincipal
        else { return .full }
        let ticket = state.ticket()
        state.waiting[id]?.requests[ticket] = waiting
        state.waiting[id]?.principals[principal] = (own ?? 0) + 1
        return .another(ticket: ticket, isOwner: own == nil)
    }

    /// Takes out a request that is not wanted any more; nil if it does not wait.
    func withdraw(_ ticket: UInt64, for id: VersionID) -> PredictionRequest? {
        state.withLock { state in
            guard let waiting = state.waiting[id]?.requests.removeValue(forKey: ticket) else {
                return nil
            }
            state.waiting[id]?.principals[waiting.request.principal, default: 1] -= 1
            return waiting.request
        }
    }

    /// Takes out all, in the order of their coming: the load is over.
    func takeAll(for id: VersionID) -> [Waiting] {
        let taken = state.withLock { state -> [UInt64: Waiting] in
            guard let line = state.waiting.removeValue(forKey: id) else { return [:] }
            let left = (state.lines[line.first] ?? 0) - 1
            state.lines[line.first] = left > 0 ? left : nil
            return line.requests
        }
        return taken.sorted { $0.key < $1.key }.map(\.value)
    }
}
