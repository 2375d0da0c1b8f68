import Synchronization

/// A call that can be cancelled, as a request sees it.
final class Cancellation: Sendable {
    private let state = Mutex<(isCancelled: Bool, bodies: [@Sendable () -> Void])>((false, []))

    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    func register(_ body: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if !state.isCancelled { state.bodies.append(body) }
            return state.isCancelled
        }
        if isLate { body() }
    }

    func cancel() {
        let bodies = state.withLock { state in
            state.isCancelled = true
            defer { state.bodies = [] }
            return state.bodies
        }
        for body in bodies { body() }
    }
}
