import Engine
import Glibc
import Hosting
import Synchronization
import Testing

@testable import Serving

/// A host that lives in the test and ends when it is told to.
final class FakeHost: SupervisedHost {
    private struct State {
        var end: HostEnd?
        var observers: [@Sendable (HostEnd) -> Void] = []
    }

    private let state = Mutex(State())

    var end: HostEnd? { state.withLock { $0.end } }
    var isOver: Bool { end != nil }
    /// Whether its end is waited for: it serves.
    var isWatched: Bool { state.withLock { !$0.observers.isEmpty } }

    func kill(_ cause: HostEnd) {
        let observers = state.withLock { state in
            guard state.end == nil else { return [@Sendable (HostEnd) -> Void]() }
            state.end = cause
            defer { state.observers = [] }
            return state.observers
        }
        for observer in observers { observer(cause) }
    }

    func whenEnded(_ body: @escaping @Sendable (HostEnd) -> Void) {
        let end = state.withLock { state in
            if state.end == nil { state.observers.append(body) }
            return state.end
        }
        if let end { body(end) }
    }

    func waitForEnd(milliseconds: UInt64) -> HostEnd? { end }
}

/// A time that goes on when a test says so.
final class FakeTime: Sendable {
    private let current = Mutex<UInt64>(1_000_000_000_000)
    private let waits = Mutex(0)

    var nowNs: UInt64 { current.withLock { $0 } }
    /// Threads that wait for a signal or a time.
    var waiting: Int { waits.withLock { $0 } }

    func pass(seconds: UInt64) { pass(ns: seconds * 1_000_000_000) }

    func pass(ns: UInt64) { current.withLock { $0 += ns } }

    var clock: HostClock {
        HostClock(
            now: { self.nowNs },
            wait: { semaphore, untilNs in
                self.waits.withLock { $0 += 1 }
                defer { self.waits.withLock { $0 -= 1 } }
                while self.nowNs < untilNs {
                    if semaphore.wait(untilNs: MonotonicTime.nowNs + 500_000) { return true }
                }
                return false
            }
        )
    }
}

/// Starts fake hosts, or fails, as a test says.
final class FakeStarter: HostStarter {
    private struct State {
        var failure: Loader.Failure?
        var isHeld = false
        var hosts: [FakeHost] = []
        var known: [Bool] = []
    }

    private let state = Mutex(State())

    /// The hosts of all starts, failed ones too.
    var hosts: [FakeHost] { state.withLock { $0.hosts } }
    /// Whether each start had the findings of the first.
    var known: [Bool] { state.withLock { $0.known } }

    /// Lets later starts fail, or none.
    func fail(_ reason: String?) {
        state.withLock { state in
            state.failure = reason.map { .passing(ServingError(.unavailable, $0)) }
        }
    }

    /// Lets starts wait until they may go on or their host ends.
    func hold(_ isHeld: Bool) { state.withLock { $0.isHeld = isHeld } }

    func start(
        agreeingWith first: HostedFindings?,
        known: VersionFindings?,
        isWanted: (FakeHost) -> Bool
    ) throws(Loader.Failure) -> (FakeHost, HostedFindings) {
        let host = FakeHost()
        state.withLock { state in
            state.hosts.append(host)
            state.known.append(known != nil && first != nil)
        }
        guard isWanted(host) else {
            host.kill(.released)
            throw .passing(ServingError(.unavailable, "not wanted"))
        }
        while state.withLock({ $0.isHeld }), !host.isOver { usleep(500) }
        if let failure = state.withLock({ $0.failure }) {
            host.kill(.released)
            throw failure
        }
        guard !host.isOver else { throw .passing(ServingError(.unavailable, "it ended")) }
        return (host, Self.found)
    }

    private static let found = HostedFindings(
        findings: VersionFindings(
            plan: BatchPlan(isMerged: false, why: "", maxRows: 1, maxDelayUs: 0),
            isDeterministic: true
        ),
        signature: ModelSignature(inputs: [], outputs: []),
        resources: ModelResources(modelBytes: 1, threads: 1, timeDependsOnValues: false)
    )
}
