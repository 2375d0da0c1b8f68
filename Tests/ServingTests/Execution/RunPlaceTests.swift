import Engine
import EngineTesting
import Testing

@testable import Hosting
@testable import Serving

@Suite("The limit of time on a run")
struct RunPlaceTests {
    private static let limitNs: UInt64 = 1_000

    private func begun(_ jobs: [Job] = [], rest: [[Job]] = []) -> RunPlace {
        let place = RunPlace()
        place.begin(RunPlace.Work(jobs: jobs, rest: rest), stop: RunStop(endsAtNs: Self.limitNs))
        return place
    }

    private func name(_ look: RunPlace.Look) -> String {
        switch look {
        case .idle: "idle"
        case .inTime: "in time"
        case .stop: "stop"
        case .abandon: "abandon"
        }
    }

    @Test("a run is stopped at its limit and not before, once")
    func stopped() {
        let place = begun()
        #expect(name(place.look(atNs: Self.limitNs - 1)) == "in time")
        #expect(name(place.look(atNs: Self.limitNs)) == "stop")
        #expect(name(place.look(atNs: Self.limitNs + 1)) == "in time")
        #expect(place.end() == .overTime)
        #expect(name(place.look(atNs: .max)) == "idle")
    }

    @Test("a run that ends before a look is in time, whatever its limit was")
    func inTime() {
        let place = begun()
        #expect(place.end() == .inTime)
        #expect(name(place.look(atNs: .max)) == "idle")
    }

    @Test("a run that goes on after it was stopped is abandoned after its grace, once")
    func abandoned() throws {
        let bench = try BatchBench()
        let place = begun([bench.job(0)], rest: [[bench.job(1), bench.job(2)], [bench.job(3)]])
        _ = place.look(atNs: Self.limitNs)
        let graceEnd = Self.limitNs + RunPlace.graceNs
        #expect(name(place.look(atNs: graceEnd - 1)) == "in time")
        guard case .abandon(let work) = place.look(atNs: graceEnd) else {
            Issue.record("the run is still waited for")
            return
        }
        #expect(work.jobs.count == 1 && work.rest.joined().count == 3)
        #expect(name(place.look(atNs: .max)) == "in time")
        #expect(place.end() == .abandoned)
    }

    @Test("a run in an engine host is waited for until the channel has surely ended the host")
    func hosted() throws {
        #expect(
            RunPlace.hostGraceNs >= 4 * HostingLimits.terminateGraceMilliseconds * 1_000_000
        )
        let place = RunPlace(isHosted: true)
        place.begin(RunPlace.Work(), stop: RunStop(endsAtNs: Self.limitNs))
        _ = place.look(atNs: Self.limitNs)
        let graceEnd = Self.limitNs + RunPlace.hostGraceNs
        #expect(name(place.look(atNs: graceEnd - 1)) == "in time")
        #expect(name(place.look(atNs: graceEnd)) == "abandon")
    }

    @Test("a place forgets a run with its end, so that the next one has its own limit")
    func reused() {
        let place = begun()
        _ = place.look(atNs: Self.limitNs)
        _ = place.end()
        place.begin(RunPlace.Work(), stop: RunStop(endsAtNs: 2 * Self.limitNs))
        #expect(name(place.look(atNs: 2 * Self.limitNs - 1)) == "in time")
        #expect(place.end() == .inTime)
    }
}
