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
        precondition(begin(name, body), "the system starts no thread")
    }

    /// Starts a thread that ends when `body` returns.
    /// - Returns: Whether the system had one; `body` is not called if not.
    package static func begin(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = started(name, body) else { return false }
        pthread_detach(thread)
        return true
    }

    private static func started(
        _ name: String,
        _ body: @escaping @Sendable () -> Void
    ) -> pthread_t? {
        let context = unsafe Unmanaged.passRetained(Body(name, body))
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
            context.toOpaque()
        )
        guard failure == 0 else {
            unsafe context.release()
            return nil
        }
        return thread
    }

    /// Runs `body` on a thread of its own, and waits for its end.
    /// - Returns: Whether the system had a thread; `body` is not called if not.
    package static func runToEnd(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = started(name, body) else { return false }
        return pthread_join(thread, nil) == 0
    }
}
