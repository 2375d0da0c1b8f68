internal import Glibc
internal import Synchronization

/// A thread that does work for others, who wait for it: one piece after the other, until nobody has
/// it any more.
///
/// It lasts from one piece to the next, because the C library gives each thread a heap of its own: models that are loaded on
/// one thread find the room that those before them left.
package final class LastingThread: Sendable {
    /// What the system gives a thread.
    package enum Priority: Sendable {
        /// As the thread that makes it.
        case inherited
        /// What the others leave: nobody who waits for an answer may feel it. See
        /// ``ThreadPriority``.
        ///
        /// Every thread and process that is started from it is quiet too, and without privileges
        /// none can become louder again. So what starts threads that go on to serve belongs on
        /// another thread.
        case quiet
    }

    /// How often the caller looks up while it waits.
    private static let lookNs: UInt64 = 10_000_000

    private let priority: Priority
    private let queue = Queue()

    /// What the thread holds, so that it does not hold its owner.
    private final class Queue: Sendable {
        private struct Pieces {
            var waiting: [@Sendable () -> Void] = []
            var isOver = false
        }

        private let pieces = Mutex(Pieces())
        /// Counts them, and the end.
        private let count = CountingSemaphore()

        func add(_ piece: @escaping @Sendable () -> Void) {
            pieces.withLock { $0.waiting.append(piece) }
            count.signal()
        }

        func end() {
            pieces.withLock { $0.isOver = true }
            count.signal()
        }

        func work() {
            while true {
                count.wait()
                let (piece, isOver) = pieces.withLock { pieces in
                    (pieces.waiting.isEmpty ? nil : pieces.waiting.removeFirst(), pieces.isOver)
                }
                if let piece { piece() } else if isOver { return }
            }
        }
    }

    private final class Outcome<Output: Sendable>: Sendable {
        let value = Mutex<Output?>(nil)
        let isThere = CountingSemaphore()
    }

    /// Starts the thread. For start-up: a system that has none left ends the process.
    /// - Parameter name: As for ``WorkerThread/start(_:_:)``.
    package convenience init(_ priority: Priority, name: String) {
        self.init(priority)
        precondition(begin(name), "the system starts no thread")
    }

    private init(_ priority: Priority) {
        self.priority = priority
    }

    /// Starts a thread; nil if the system has none.
    /// - Parameter name: As for ``WorkerThread/start(_:_:)``.
    package static func start(_ priority: Priority, name: String) -> LastingThread? {
        let thread = LastingThread(priority)
        return thread.begin(name) ? thread : nil
    }

    private func begin(_ name: String) -> Bool {
        WorkerThread.begin(name) { [queue] in queue.work() }
    }

    deinit { queue.end() }

    /// Has `body` run on the thread, when what was asked for before has been.
    package func begin(_ body: @escaping @Sendable () -> Void) {
        queue.add { [priority] in
            if case .quiet = priority { ThreadPriority.lower() }
            body()
        }
    }

    /// Runs `body` on the thread and returns its result.
    ///
    /// - Parameter look: Called every 10 ms on the caller's thread while it waits.
    package func run<Output: Sendable>(
        look: () -> Void = {},
        _ body: @escaping @Sendable () -> Output
    ) -> Output {
        let output = run(
            while: {
                look(); return true
            },
            body
        )
        guard let output else { preconditionFailure("a run that may not be abandoned was") }
        return output
    }

    /// Runs `body` on the thread, and returns without its result if the caller stops waiting.
    ///
    /// An abandoned `body` goes on, and its result is released when it returns. The thread is lost
    /// until then: the caller gives it no more work and drops it.
    ///
    /// - Parameter mayWait: Called every 10 ms on the caller's thread while it waits; false abandons
    ///   the run.
    /// - Returns: nil if the run was abandoned.
    package func run<Output: Sendable>(
        while mayWait: () -> Bool,
        _ body: @escaping @Sendable () -> Output
    ) -> Output? {
        let outcome = Outcome<Output>()
        let thread = Mutex<ThreadPriority?>(nil)
        begin { [priority] in
            if case .quiet = priority { thread.withLock { $0 = ThreadPriority.ofThisThread } }
            let output = body()
            thread.withLock { $0 = nil }
            outcome.value.withLock { $0 = output }
            outcome.isThere.signal()
        }
        let asked = ContinuousClock.now
        while !outcome.isThere.wait(untilNs: MonotonicTime.nowNs + Self.lookNs) {
            guard mayWait() else { return nil }
            let waited = ContinuousClock.now - asked
            thread.withLock { if $0?.raiseIfStarved(since: waited) == true { $0 = nil } }
        }
        return outcome.value.withLock { $0 }
    }
}
