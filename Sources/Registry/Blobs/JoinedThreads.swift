internal import Glibc

/// Threads that work side by side with the caller's own until all are done.
///
/// They are threads of the system and not tasks: what they do blocks, and the pool of tasks is as
/// narrow as the machine.
package enum JoinedThreads {
    /// As many as the machine has cores, up to ``Limits/openingThreads``.
    package static var useful: Int {
        min(max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1), Limits.openingThreads)
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// Runs `body` on `count` threads, the caller's among them, and returns when it has returned
    /// on all. A system that has no more threads to give gets fewer: the work must not depend on
    /// their number.
    static func run(count: Int, _ body: @escaping @Sendable () -> Void) {
        var threads: [pthread_t] = []
        for _ in 1..<max(count, 1) {
            guard let thread = start(Body(body)) else { break }
            threads.append(thread)
        }
        body()
        for thread in threads {
            let failure = pthread_join(thread, nil)
            precondition(failure == 0, "a thread cannot be joined: error \(failure)")
        }
    }

    private static func start(_ body: Body) -> pthread_t? {
        let context = unsafe Unmanaged.passRetained(body)
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
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
}
