internal import Glibc

/// A thread that runs models.
///
/// Not a dispatch queue: those share a pool of limited width, and threads that wait for work would
/// take it from everybody else in the process.
package enum WorkerThread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// Starts a thread that ends when `body` returns. For start-up: without threads nothing can be
    /// served, so a system that has none left ends the process.
    package static func start(_ body: @escaping @Sendable () -> Void) {
        let context = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            context
        )
        precondition(failure == 0, "the system starts no thread: error \(failure)")
        pthread_detach(thread)
    }
}
