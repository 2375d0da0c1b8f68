internal import Hosting
internal import Synchronization

/// The bytes of the memory areas of all hosts, which the requests that wait or run share a limit
/// with.
final class AreaBudget: ByteBudget {
    let limitBytes: Int
    /// The count of the requests' bytes; until it is known, areas are counted alone.
    private let load = Mutex(QueueLoad())

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    /// Counts areas with the bytes of requests from now on. To be called before the first host.
    func share(_ load: QueueLoad) { self.load.withLock { $0 = load } }

    func take(_ bytes: Int) -> Bool {
        load.withLock { $0 }.takeBytes(bytes, limit: limitBytes)
    }

    func giveBack(_ bytes: Int) { load.withLock { $0 }.giveBackBytes(bytes) }
}
