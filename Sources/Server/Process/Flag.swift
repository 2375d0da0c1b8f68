internal import Synchronization

/// Something that happens once.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    /// Nothing else is published through it, so no ordering is needed.
    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}

/// Whether a server answers calls: what `Health.Check` and `/readyz` say.
struct Readiness: Sendable {
    /// The first loads are done.
    let isReconciled = Flag()
    let isDraining = Flag()

    var isReady: Bool { reason == nil }

    static let draining = "the server is shutting down"

    /// Why it does not; nil: it does.
    var reason: String? {
        if isDraining.isSet { return Self.draining }
        return isReconciled.isSet ? nil : "the first loads are under way"
    }
}

/// What tasks wait for until it is opened, once, with how what they waited for came out.
final class Gate: Sendable {
    typealias Outcome = Result<Void, any Error>

    private struct State {
        var outcome: Outcome?
        var waiting: [CheckedContinuation<Outcome, Never>] = []
    }

    private let state = Mutex(State())

    /// The first outcome stays.
    func open(_ outcome: Outcome = .success(())) {
        let waiting = state.withLock { state in
            guard state.outcome == nil else { return [] as [CheckedContinuation<Outcome, Never>] }
            state.outcome = outcome
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: outcome) }
    }

    func wait() async -> Outcome {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state in
                if state.outcome == nil { state.waiting.append(continuation) }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
