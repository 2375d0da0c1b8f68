internal import Synchronization

/// A count that only grows, from any thread. Relaxed: it orders no other memory.
package final class Counter: Sendable {
    private let value = Atomic<UInt64>(0)

    package init() {}

    package func add(_ count: UInt64 = 1) { value.wrappingAdd(count, ordering: .relaxed) }

    package var count: UInt64 { value.load(ordering: .relaxed) }
}
