internal import RPC
internal import Synchronization

/// Calls that their callers may cancel by the id that they chose.
final class OutstandingCalls: Sendable {
    private struct Key: Hashable {
        let principal: Principal
        let requestID: String
    }

    private let calls = Mutex<[Key: [Call]]>([:])

    /// Keeps `call` until it ends. Bounded by the calls in flight.
    func add(_ call: Call, requestID: String) {
        let key = Key(principal: call.principal, requestID: requestID)
        calls.withLock { $0[key, default: []].append(call) }
        call.onFinish { [weak self, weak call] _ in
            self?.calls.withLock { calls in
                calls[key]?.removeAll { $0 === call }
                if calls[key]?.isEmpty == true { calls[key] = nil }
            }
        }
    }

    /// Ends a principal's calls of that id; false when there is none.
    func cancel(requestID: String, of principal: Principal) -> Bool {
        let key = Key(principal: principal, requestID: requestID)
        let found = calls.withLock { $0[key] } ?? []
        for call in found { call.cancel() }
        return !found.isEmpty
    }
}
