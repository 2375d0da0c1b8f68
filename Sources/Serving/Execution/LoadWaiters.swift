internal import Engine
internal import Synchronization

/// The requests that wait for a version to be loaded which they asked for by number, so that each
/// can leave by itself.
final class LoadWaiters: Sendable {
    /// Versions that are waited for at once. What a caller withdraws leaves at once, but what is
    /// being found out for it does not.
    static var maxVersions: Int { 1_024 }
    /// Requests that wait for one version: how long a load takes is not known.
    static var maxRequests: Int { ServingLimits.queuedRequestsUnmeasured }

    /// What waiting for a version calls for.
    enum Entered: Equatable {
        /// It has to be loaded: none asked for it before.
        case first(ticket: UInt64)
        /// Nothing: that is under way.
        case another(ticket: UInt64)
        /// Too many versions are waited for, or too many requests wait for this one.
        case full
    }

    /// A request that waits.
    struct Waiting: Sendable {
        let request: PredictionRequest
        let since: ContinuousClock.Instant
    }

    private struct State {
        var waiting: [VersionID: [UInt64: Waiting]] = [:]
        var lastTicket: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Lets a request wait.
    func enter(_ request: PredictionRequest, for id: VersionID) -> Entered {
        let now = ContinuousClock.now
        return state.withLock { state in
            let isFirst = state.waiting[id] == nil
            let isFull =
                isFirst
                ? state.waiting.count >= Self.maxVersions
                : state.waiting[id]?.count ?? 0 >= Self.maxRequests
            guard !isFull else { return .full }
            state.lastTicket += 1
            state.waiting[id, default: [:]][state.lastTicket] = Waiting(
                request: request,
                since: now
            )
            let ticket = state.lastTicket
            return isFirst ? .first(ticket: ticket) : .another(ticket: ticket)
        }
    }

    /// Takes out a request that is not wanted any more; nil if it does not wait.
    func withdraw(_ ticket: UInt64, for id: VersionID) -> PredictionRequest? {
        state.withLock { $0.waiting[id]?.removeValue(forKey: ticket) }?.request
    }

    /// Takes out all, in the order of their coming: the load is over.
    func takeAll(for id: VersionID) -> [Waiting] {
        let taken = state.withLock { $0.waiting.removeValue(forKey: id) } ?? [:]
        return taken.sorted { $0.key < $1.key }.map(\.value)
    }
}
