internal import Dispatch
internal import Synchronization

/// A thread that makes calls for threads whose priority is lower: what is started in such a call
/// has the priority with which this was made.
final class SteadyThread: Sendable {
    private let calls = Mutex<[@Sendable () -> Void]>([])
    private let waiting = DispatchSemaphore(value: 0)

    private final class Outcome<Output: Sendable>: Sendable {
        let value = Mutex<Output?>(nil)
        let isThere = DispatchSemaphore(value: 0)
    }

    /// Starts the thread, which never ends.
    init() {
        WorkerThread.start { [self] in
            while true {
                waiting.wait()
                calls.withLock { $0.isEmpty ? nil : $0.removeFirst() }?()
            }
        }
    }

    /// Makes a call on the thread and waits for its end.
    func run<Output: Sendable>(_ body: @escaping @Sendable () -> Output) -> Output {
        let outcome = Outcome<Output>()
        calls.withLock { calls in
            calls.append {
                let output = body()
                outcome.value.withLock { $0 = output }
                outcome.isThere.signal()
            }
        }
        waiting.signal()
        outcome.isThere.wait()
        guard let output = outcome.value.withLock({ $0 }) else {
            preconditionFailure("a call that ended gave nothing")
        }
        return output
    }
}
