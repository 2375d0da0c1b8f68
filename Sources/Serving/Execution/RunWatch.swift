internal import Dispatch
internal import Engine
internal import Synchronization

/// A thread that ends runs at their limits of time, those of all executors of the process.
///
/// It looks at all runs some times a second while there are any, and sleeps otherwise.
final class RunWatch: Sendable {
    /// The watch of the process.
    static let shared = RunWatch()

    /// The time between two looks, and so what a run may take beyond its limit.
    private static let pause = DispatchTimeInterval.milliseconds(100)
    /// Looks that find no run before it sleeps.
    private static let idleLooks = 20

    private struct Watched {
        weak var executors: Executors?
    }

    private let watched = Mutex<[Watched]>([])
    private let isAwake = Atomic(false)
    /// Wakes the thread.
    private let waking = DispatchSemaphore(value: 0)

    private init() {
        WorkerThread.start("run-watch") { self.work() }
    }

    /// Watches the runs of executors for as long as they exist.
    func watch(_ executors: Executors) {
        watched.withLock { watched in
            watched.removeAll { $0.executors == nil }
            watched.append(Watched(executors: executors))
        }
    }

    /// Notes that a run has begun. The thread looks once more after it has said that it sleeps, so
    /// that either it sees the run, which was noted under its place's lock, or the run sees it
    /// asleep.
    func noteRun() {
        guard !isAwake.load(ordering: .relaxed) else { return }
        if !isAwake.exchange(true, ordering: .acquiringAndReleasing) { waking.signal() }
    }

    private func work() {
        while true {
            waking.wait()
            lookWhileBusy()
        }
    }

    private func lookWhileBusy() {
        var idleLooks = 0
        while idleLooks < Self.idleLooks {
            _ = waking.wait(timeout: .now() + Self.pause)
            idleLooks = look() ? 0 : idleLooks + 1
        }
        isAwake.store(false, ordering: .releasing)
        if look() { noteRun() }
    }

    /// - Returns: whether there is a run.
    private func look() -> Bool {
        let all = watched.withLock { watched in watched.compactMap(\.executors) }
        let now = Uptime.ns
        return all.reduce(false) { isBusy, executors in executors.look(atNs: now) || isBusy }
    }
}
