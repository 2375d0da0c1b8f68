import Engine
import Hosting
import Logging
import Synchronization
import Testing

@testable import Serving

@Suite("The host of a version over its restarts", .timeLimit(.minutes(1)))
struct HostSupervisorTests {
    private let starter = FakeStarter()
    private let time = FakeTime()
    private let supervisor: HostSupervisor<FakeStarter>
    private static let loadSeconds = 100

    init() {
        supervisor = HostSupervisor(
            VersionID(model: "m", version: 1),
            starter,
            loadSeconds: Self.loadSeconds,
            logger: Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() }),
            clock: time.clock
        )
    }

    // MARK: - What tests do

    private static func onThread<Output: Sendable>(
        _ body: @escaping @Sendable () -> Output
    ) async -> Output {
        await withCheckedContinuation { continuation in
            WorkerThread.start("test") { continuation.resume(returning: body()) }
        }
    }

    private func start() throws { _ = try supervisor.start(known: nil) }

    /// A run's outcome: the number of its host, or the error.
    private func run(_ stop: RunStop? = nil) async -> Result<Int, EngineError> {
        await Self.onThread { [supervisor, starter] in
            do throws(EngineError) {
                let host = try supervisor.host(for: stop)
                return .success(starter.hosts.firstIndex { $0 === host } ?? -1)
            } catch {
                return .failure(error)
            }
        }
    }

    private func error(of stop: RunStop? = nil) async throws -> EngineError {
        let result = await run(stop)
        guard case .failure(let error) = result else { throw Unexpected(what: "\(result)") }
        return error
    }

    private struct Unexpected: Error { let what: String }

    /// Ends the latest host, after a run or without one.
    private func end(afterRun: Bool, _ end: HostEnd = .killed(9)) async throws {
        if afterRun { _ = try await run().get() }
        try #require(starter.hosts.last).kill(end)
    }

    private func starts(_ count: Int) async -> Bool {
        await eventually { starter.hosts.count == count }
    }

    /// Checks that a pause of so many seconds begins, and that the next start is behind it.
    ///
    /// - Parameter count: The starts before it.
    private func pauses(_ seconds: UInt64, after count: Int, _ reason: String) async throws {
        #expect(await eventually { starter.hosts.count == count && time.waiting == 1 })
        let told = try await error()
        #expect(told.code == .unavailable)
        #expect(told.message.contains(reason))
        #expect(told.message.hasSuffix("; it is tried again in \(seconds) s"))
        time.pass(ns: seconds * 1_000_000_000 - 1)
        try await Task.sleep(for: .milliseconds(5))
        #expect(starter.hosts.count == count, "it did not wait for \(seconds) s")
        time.pass(ns: 1)
        #expect(await starts(count + 1), "it waited for more than \(seconds) s")
    }

    private func serves() async -> Bool {
        await eventually { starter.hosts.last?.isWatched == true }
    }

    // MARK: - Starts

    @Test("a host that ends after a run is replaced at once, with the findings of the first")
    func restarts() async throws {
        try start()
        for number in 1...20 {
            try await end(afterRun: true, number.isMultiple(of: 2) ? .killed(8) : .exited(1))
            #expect(await starts(number + 1))
            #expect(try await run().get() == number)
        }
        #expect(starter.known == [false] + [Bool](repeating: true, count: 20))
        supervisor.release()
    }

    @Test("a failed start is followed by pauses of 1 s to 60 s, and runs say why and until when")
    func backOff() async throws {
        try start()
        starter.fail("no memory")
        try await end(afterRun: true)
        let pauses: [UInt64] = [1, 2, 4, 8, 16, 32, 60, 60]
        for (seconds, count) in zip(pauses, 2...) {
            try await self.pauses(
                seconds,
                after: count,
                "the model's process could not be started again: no memory"
            )
        }
        starter.fail(nil)
        #expect(await eventually { time.waiting == 1 })
        time.pass(seconds: 60)
        #expect(await serves())
        // A good start has ended the row of failures.
        starter.fail("again")
        let count = starter.hosts.count
        try await end(afterRun: false)
        try await self.pauses(1, after: count + 1, "could not be started again: again")
        supervisor.release()
    }

    @Test("hosts that end again and again without a run are replaced with pauses, not in a storm")
    func idleEnds() async throws {
        try start()
        for number in 1...HostBackOff.maxIdleEnds {
            try await end(afterRun: false)
            #expect(await starts(number + 1))
            #expect(await serves())
        }
        for seconds: UInt64 in [1, 2, 4, 8, 16, 32, 60, 60] {
            try await end(afterRun: false)
            try await pauses(
                seconds,
                after: starter.hosts.count,
                "ended more than 3 times without a run: it was ended by"
            )
            #expect(await serves())
        }
        // A run, or a long life, ends the row.
        let count = starter.hosts.count
        try await end(afterRun: true)
        #expect(await starts(count + 1))
        for number in 1...10 {
            #expect(await serves())
            time.pass(ns: HostBackOff.longLifeNs)
            try await end(afterRun: false)
            #expect(await starts(count + 1 + number))
        }
        supervisor.release()
    }

    @Test("an end while a host is started counts for that start alone")
    func endWhileStarting() async throws {
        try start()
        starter.hold(true)
        try await end(afterRun: true)
        #expect(await starts(2))
        starter.hosts[1].kill(.killed(9))
        try await pauses(1, after: 2, "could not be started again: it ended")
        starter.hold(false)
        #expect(await eventually { (try? await run().get()) == 2 })
        supervisor.release()
    }

    @Test("the first start that fails is an error, and starts nothing else")
    func firstFails() async throws {
        starter.fail("it is bad")
        let failure = #expect(throws: Loader.Failure.self) { try start() }
        #expect(failure?.reason.contains("it is bad") == true)
        supervisor.release()
        time.pass(seconds: 1_000)
        try await Task.sleep(for: .milliseconds(5))
        #expect(starter.hosts.count == 1 && starter.hosts[0].end == .released)
    }

    // MARK: - Runs that wait

    @Test("runs wait for the new host, and all of them go to it")
    func waiting() async throws {
        try start()
        starter.hold(true)
        try await end(afterRun: true)
        #expect(await starts(2))
        async let one = run()
        async let two = run(RunStop(endsAtNs: .max))
        #expect(await eventually { time.waiting == 2 })
        starter.hold(false)
        let hosts = [try await one.get(), try await two.get()]
        #expect(hosts == [1, 1])
        #expect(time.waiting == 0)
        supervisor.release()
    }

    @Test("a run waits until its own limit, as long as a load may take, or until it is stopped")
    func bounds() async throws {
        try start()
        starter.hold(true)
        try await end(afterRun: true)
        #expect(await starts(2))
        let stopped = RunStop()
        let limited = RunStop(endsAtNs: time.nowNs + 5_000_000_000)
        async let stoppedError = error(of: stopped)
        async let limitedError = error(of: limited)
        async let freeError = error()
        async let patientError = error(of: RunStop(endsAtNs: .max))
        #expect(await eventually { time.waiting == 4 })
        stopped.stop()
        #expect(try await stoppedError.code == .terminated)
        time.pass(ns: 5_000_000_000 - 1)
        try await Task.sleep(for: .milliseconds(5))
        #expect(time.waiting == 3)
        time.pass(ns: 1)
        #expect(try await limitedError.code == .overTime)
        time.pass(seconds: UInt64(Self.loadSeconds) - 6)
        try await Task.sleep(for: .milliseconds(5))
        #expect(time.waiting == 2)
        time.pass(seconds: 1)
        for error in [try await freeError, try await patientError] {
            #expect(error.code == .unavailable)
            #expect(error.message == "the model's process was not started again in 100 s")
        }
        supervisor.release()
    }

    @Test("runs that wait when a start fails are told so")
    func waitingForFailure() async throws {
        try start()
        starter.hold(true)
        starter.fail("no memory")
        try await end(afterRun: true)
        #expect(await starts(2))
        async let waiting = error()
        #expect(await eventually { time.waiting == 1 })
        starter.hold(false)
        let told = try await waiting
        #expect(told.code == .unavailable && told.message.contains("no memory"))
        supervisor.release()
    }

    // MARK: - The release

    /// The moments at which a version may be released.
    enum Moment: CaseIterable {
        case firstStart, serving, restart, pause
    }

    @Test("a release ends every host and every wait, whatever goes on", arguments: Moment.allCases)
    func release(moment: Moment) async throws {
        let supervisor = supervisor
        if moment == .firstStart { starter.hold(true) }
        async let firstStart: Bool = Self.onThread {
            (try? supervisor.start(known: nil)) != nil
        }
        switch moment {
        case .firstStart: #expect(await starts(1))
        case .serving: #expect(await firstStart)
        case .restart, .pause:
            #expect(await firstStart)
            if moment == .pause { starter.fail("no") } else { starter.hold(true) }
            try await end(afterRun: true)
            #expect(await starts(2))
        }
        async let waiting = run()
        if moment != .serving {
            #expect(await eventually { time.waiting == 1 })
        }
        supervisor.release()
        #expect(await firstStart == (moment != .firstStart))
        _ = await waiting
        #expect(await eventually { time.waiting == 0 && starter.hosts.allSatisfy { $0.isOver } })
        let count = starter.hosts.count
        time.pass(seconds: 1_000)
        try await Task.sleep(for: .milliseconds(5))
        #expect(starter.hosts.count == count)
        let told = try await error()
        #expect(told.code == .unavailable && told.message == "the model was released")
    }

    @Test("a version that is released before its first start ends the host that it takes")
    func releasedEarly() throws {
        supervisor.release()
        #expect(throws: Loader.Failure.self) { try start() }
        #expect(starter.hosts.map(\.end) == [.released])
    }

    @Test("a supervisor that was released is let go of, also in a pause")
    func freed() async throws {
        let freed = WeakBox()
        do {
            let supervisor = HostSupervisor(
                VersionID(model: "m", version: 1),
                starter,
                loadSeconds: 1,
                logger: Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() }),
                clock: time.clock
            )
            freed.set(supervisor)
            _ = try supervisor.start(known: nil)
            starter.fail("no")
            try await end(afterRun: false)
            #expect(await starts(2))
            supervisor.release()
        }
        #expect(await eventually { freed.isEmpty })
    }

    private final class WeakBox: Sendable {
        private struct Content { weak var value: HostSupervisor<FakeStarter>? }
        private let content = Mutex(Content())

        func set(_ value: HostSupervisor<FakeStarter>) { content.withLock { $0.value = value } }
        var isEmpty: Bool { content.withLock { $0.value == nil } }
    }
}
