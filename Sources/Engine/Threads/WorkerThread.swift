internal import COnnxRuntime
internal import Glibc

/// A thread that runs models.
///
/// Not a dispatch queue: those share a pool of limited width, and threads that wait for work would
/// take it from everybody else in the process.
package enum WorkerThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread that ends when `body` returns. For start-up: without threads nothing can be
    /// served, so a system that has none left ends the process.
    /// - Parameter name: What `top -H` and debuggers call it; the system takes 15 bytes.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let context = unsafe Unmanaged.passRetained(Body(name, body)).toOpaque()
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                unsafe thread_SetName(body.name)
                body.run()
                return nil
            },
            context
        )
        precondition(failure == 0, "the system starts no thread: error \(failure)")
        pthread_detach(thread)
    }
}
