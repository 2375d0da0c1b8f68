internal import Engine

/// The place where a load runs.
enum LoadPlace: Sendable {
    /// The server's process.
    case server
    /// An engine host; the server's thread waits for it.
    case host
}

/// A thread for one load at a time, and the queue on which its callers wait.
///
/// Models that are loaded in the server lie in the heap of the lane's thread, which lasts as long as
/// one of them does.
struct LoadLane: Sendable {
    let queue = BlockingQueue(label: "strongroom.load")
    /// Nil: the system had no thread.
    let thread: LastingThread?

    /// Starts the threads of lanes in hosts.
    private static let starter = LastingThread(.inherited, name: "lane-starter")

    /// Lets the threads of lanes in hosts inherit the caller's priority: for start-up. The threads
    /// that call ``init(_:)`` may have been lowered.
    static func prepare() { _ = starter }

    /// The thread of the lane.
    ///
    /// - Throws: `passing` if the system had none. Such a lane is not used for another load.
    func startedThread() throws(Loader.Failure) -> LastingThread {
        guard let thread else {
            throw Loader.Failure(
                engine: EngineError(.unavailable, "the system starts no thread for a load")
            )
        }
        return thread
    }

    init(_ place: LoadPlace) {
        switch place {
        case .server: thread = LastingThread.start(.quiet, name: "load")
        // Threads that are started from here serve later, and must not inherit a low priority.
        case .host:
            thread = Self.starter.run { LastingThread.start(.inherited, name: "host-load") }
        }
    }
}
