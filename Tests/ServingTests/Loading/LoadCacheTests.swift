import EngineTesting
import Testing

@testable import Registry
@testable import Serving

@Suite("Findings of earlier loads")
struct LoadCacheTests {
    @Test("a version that is loaded again is warmed up, and its runs are not compared again")
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

    @Test("the cache keeps its number of versions, and no more")
    func bound() {
        let cache = LoadCache()
        let findings = VersionFindings(plan: .alone(""), isDeterministic: true)
        let ids = (0...LoadCache.maxVersions).map {
            VersionID(model: "m", version: UInt64($0 + 1))
        }
        for id in ids.dropLast() { cache.note(findings, of: id) }
        #expect(ids.dropLast().allSatisfy { cache.findings(of: $0) != nil })
        cache.note(findings, of: ids[0])
        cache.note(findings, of: ids[LoadCache.maxVersions])
        #expect(ids.filter { cache.findings(of: $0) != nil }.count == LoadCache.maxVersions)
        #expect(cache.findings(of: ids[LoadCache.maxVersions]) != nil)
    }
}
