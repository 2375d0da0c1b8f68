import EngineTesting
import Testing

@testable import Registry
@testable import Serving

@Suite("What earlier loads found out")
struct KnownRunsTests {
    @Test("a version that is loaded again is warmed up, and not asked again how its rows behave")
    func again() throws {
        let home = try ServingHome()
        let engine = FakeEngine(name: "onnxruntime")
        try home.publish([
            ("model.yaml", Array("format: 1\nengine: onnxruntime\nentry: model.bin\n".utf8)),
            ("model.bin", [1]),
        ])
        let loader = Loader(
            engines: [engine.name: engine],
            loopRunNs: 1_000,
            meters: ServingMeters()
        )
        let opened = try home.registry.open(model: "m", version: 1)
        let first = try loader.load(opened)
        let asked = engine.runs
        let second = try loader.load(opened)
        #expect(asked > 10)
        #expect(engine.runs == asked + 1)
        #expect(second.plan == first.plan && second.plan.isMerged)
        #expect(second.cost === first.cost)
    }

    @Test("so many versions are remembered, and no more")
    func bound() {
        let known = KnownRuns()
        let runs = KnownRuns.Runs(plan: .alone(""), cost: RunCost())
        let ids = (0...KnownRuns.maxVersions).map {
            VersionID(model: "m", version: UInt64($0 + 1))
        }
        for id in ids.dropLast() { known.note(runs, of: id) }
        #expect(ids.dropLast().allSatisfy { known.runs(of: $0) != nil })
        known.note(runs, of: ids[0])
        known.note(runs, of: ids[KnownRuns.maxVersions])
        #expect(ids.filter { known.runs(of: $0) != nil }.count == KnownRuns.maxVersions)
        #expect(known.runs(of: ids[KnownRuns.maxVersions]) != nil)
    }
}
