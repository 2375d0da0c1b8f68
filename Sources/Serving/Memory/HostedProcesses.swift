internal import Synchronization

/// The processes of the engine hosts that live now: their memory counts with the server's.
package final class HostedProcesses: Sendable {
    /// Those of this process.
    package static let shared = HostedProcesses()

    private let live = Mutex<Set<Int32>>([])

    init() {}

    /// Their process ids.
    package var ids: Set<Int32> { live.withLock { $0 } }

    /// Counts a process from now on.
    package func add(_ id: Int32) { live.withLock { _ = $0.insert(id) } }

    /// Counts a process no more: its end was waited for.
    package func remove(_ id: Int32) { live.withLock { _ = $0.remove(id) } }

    /// The memory of the server and all hosts: the sum of their proportional set sizes, and private
    /// bytes in place of those that may not be read. Reads files; not for an event loop.
    package func totalBytes(root: String = "") -> UInt64 {
        let server = ProcessMemoryUse(root: root)
        return ids.reduce(server.proportionalBytes ?? server.residentBytes) { sum, id in
            let host = ProcessMemoryUse(id: id, root: root)
            return sum + (host.proportionalBytes ?? host.privateBytes)
        }
    }
}
