internal import Logging
internal import NIOCore
internal import RPC
internal import Synchronization

/// The clamping of request priorities to the `max_priority` of grants, counted and logged.
final class PriorityClamping: Sendable {
    // Relaxed: it orders no other memory.
    private let clamped = Atomic<UInt64>(0)
    private let lines = Mutex(ClampingLog())

    /// The calls whose priority was lowered.
    var count: UInt64 { clamped.load(ordering: .relaxed) }

    /// The priority with which a call to `model` runs, of one above 0 that it asks for.
    func granted(_ priority: Int, on model: String, to arrival: Arrival) -> Int {
        let highest = arrival.caller.maxPriority(on: model)
        guard priority > highest else { return priority }
        clamped.wrappingAdd(1, ordering: .relaxed)
        let name = arrival.caller.name
        let now = arrival.call.receivedAt.uptimeNanoseconds
        if let calls = lines.withLock({ $0.note(name, atNs: now) }) {
            arrival.call.logger.warning(
                "request priority lowered to the grant's; 'max_priority' in access.json raises it",
                metadata: [
                    "principal": "\(name)", "model.name": "\(model)",
                    "priority": "\(priority)", "max_priority": "\(highest)",
                    "rpc.calls": "\(calls)",
                ]
            )
        }
        return highest
    }
}
