import Metrics
import Testing

@testable import Serving

@Suite("What is counted of engine hosts")
struct HostMeterTests {
    private let meter = HostMeter()

    private func id(_ version: UInt64, model: String = "m") -> VersionID {
        VersionID(model: model, version: version)
    }

    @Test("hosts that live, the ways in which they ended, and their starts are counted by version")
    func counts() {
        meter.started(id(1), ns: 1_000_000)
        meter.started(id(2), ns: 2_000_000)
        meter.started(id(2), ns: 2_000_000)
        meter.ended(id(2), reason: "SIGFPE")
        // One that ended within its load was never started.
        meter.ended(id(1), reason: "lied", wasStarted: false)
        let snapshot = meter.snapshot
        #expect(
            snapshot.versions == [
                HostMeter.Version(id: id(1), hosts: 1, ends: ["lied": 1]),
                HostMeter.Version(id: id(2), hosts: 1, ends: ["SIGFPE": 1]),
            ]
        )
        #expect(snapshot.starts.count == 3)
    }

    @Test("of versions without a host those that changed last keep their counts, by model")
    func bound() {
        meter.started(id(1), ns: 1)
        for version in 2...UInt64(ServingMeters.maxUnloaded) + 5 {
            meter.started(id(version), ns: 1)
            meter.ended(id(version), reason: "released")
        }
        meter.started(id(1, model: "other"), ns: 1)
        let versions = meter.snapshot.versions.filter { $0.id.model == "m" }.map(\.id.version)
        #expect(versions == [1] + (5...13))
        #expect(meter.snapshot.versions.count == versions.count + 1)
    }

    @Test("reasons beyond the bound are counted as one")
    func reasons() {
        for number in 0..<HostMeter.maxReasons + 3 { meter.ended(id(1), reason: "\(number)") }
        let ends = meter.snapshot.versions[0].ends
        #expect(ends.count == HostMeter.maxReasons + 1)
        #expect(ends[HostMeter.otherReason] == 3)
    }
}
