import Engine
import Synchronization
import Testing

@testable import Serving

@Suite("The supervision of a load in the server")
struct LoadSupervisorTests {
    /// A clock and memory that the test sets.
    private final class World: Sendable {
        let begin = ContinuousClock.now
        let state = Mutex((passed: Duration.zero, resident: UInt64(100)))

        func set(_ passed: Duration, resident: UInt64 = 100) {
            state.withLock { $0 = (passed, resident) }
        }

        func supervisor() -> LoadSupervisor {
            let memory = SystemMemory {
                .init(residentBytes: self.state.withLock { $0.resident }, availableBytes: .max)
            }
            return LoadSupervisor(
                .init(time: .seconds(10), memoryBytes: 50, grace: .seconds(2)),
                watch: LoadWatch(memory),
                now: { self.begin + self.state.withLock { $0.passed } }
            )
        }
    }

    private let world = World()

    @Test("its runs are stopped at the limit of time, and the load is abandoned after the grace")
    func time() {
        let supervisor = world.supervisor()
        world.set(.milliseconds(9_999))
        #expect(supervisor.mayGoOn() && !supervisor.stop.isStopped && supervisor.overrun == nil)
        world.set(.seconds(10))
        #expect(supervisor.mayGoOn() && supervisor.stop.isStopped)
        #expect(supervisor.overrun == "did not end in 10 s")
        world.set(.milliseconds(11_999))
        #expect(supervisor.mayGoOn())
        world.set(.seconds(12))
        #expect(!supervisor.mayGoOn() && !supervisor.hasEnded)
        #expect(supervisor.end() && supervisor.hasEnded)
    }

    @Test("a load that has ended is not abandoned, however late it is looked at")
    func ended() {
        let supervisor = world.supervisor()
        world.set(.seconds(10))
        #expect(supervisor.mayGoOn())
        #expect(!supervisor.end())
        world.set(.seconds(60))
        #expect(supervisor.mayGoOn())
    }

    @Test("its runs are stopped when the process has grown beyond the limit")
    func memory() {
        let supervisor = world.supervisor()
        world.set(.seconds(1), resident: 150)
        #expect(supervisor.mayGoOn() && supervisor.overrun == nil)
        world.set(.seconds(2), resident: 151)
        #expect(supervisor.mayGoOn() && supervisor.stop.isStopped)
        #expect(supervisor.overrun == "took more than 0 MiB of memory")
        world.set(.seconds(4), resident: 100)
        #expect(!supervisor.mayGoOn())
    }
}
