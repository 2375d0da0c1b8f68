internal import Dispatch
internal import Glibc
internal import Synchronization

/// A thread for work that nobody who waits for an answer may feel: the system gives it what the
/// others leave.
///
/// The priority is the thread's own, and that of every thread that is started from it: a process
/// without privileges cannot raise it again. So it ends with its work, and work that starts threads
/// which go on to serve belongs on a ``SteadyThread``.
package enum QuietThread {
    /// What the system adds to the nice value of a thread that is not in ``idlePolicy``.
    package static let niceness: Int32 = 10
    /// How often the caller looks up while it waits.
    private static let lookMilliseconds = 10

    private final class Work: Sendable {
        let run: @Sendable () -> Void
        let ended = DispatchSemaphore(value: 0)

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    private final class Outcome<Output: Sendable>: Sendable {
        let value = Mutex<Output?>(nil)
    }

    /// Runs `body` on such a thread and returns what it does. A system that has no thread to give
    /// has it run on the caller's.
    ///
    /// - Parameter look: Called from time to time on the caller's thread while it waits.
    package static func run<Output: Sendable>(
        look: () -> Void = {},
        _ body: @escaping @Sendable () -> Output
    ) -> Output {
        let outcome = Outcome<Output>()
        let work = Work {
            let output = body()
            outcome.value.withLock { $0 = output }
        }
        guard let thread = start(work) else { return body() }
        while work.ended.wait(timeout: .now() + .milliseconds(lookMilliseconds)) == .timedOut {
            look()
        }
        let failure = pthread_join(thread, nil)
        precondition(failure == 0, "a thread cannot be joined: error \(failure)")
        guard let output = outcome.value.withLock({ $0 }) else {
            preconditionFailure("work that ended gave nothing")
        }
        return output
    }

    private static func start(_ work: Work) -> pthread_t? {
        let context = unsafe Unmanaged.passRetained(work)
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
                QuietThread.becomeQuiet()
                work.run()
                work.ended.signal()
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

    /// A thread that cannot be made quiet does its work all the same.
    private static func becomeQuiet() {
        let text = unsafe getenv("STRONGROOM_QUIET").map { unsafe String(cString: $0) } ?? "10"
        if text == "idle" {
            var parameter = sched_param()
            _ = unsafe sched_setscheduler(0, 5, &parameter)
        } else if let nice = Int32(text) {
            // Of the calling thread: on Linux each has its own.
            _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, nice)
        }
    }
}
