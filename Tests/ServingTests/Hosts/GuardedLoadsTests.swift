import Engine
import EngineTesting
import Logging
import Synchronization
import Testing

@testable import Registry
@testable import Serving

@Suite("Loads that harm the server once at most")
struct GuardedLoadsTests {
    /// Answers what the test says, and counts.
    private final class Hosts: VersionHosts {
        private let state = Mutex((failure: Loader.Failure?.none, count: 0))

        var count: Int { state.withLock { $0.count } }

        func fail(_ failure: Loader.Failure?) { state.withLock { $0.failure = failure } }

        static let findings = VersionFindings(
            plan: BatchPlan(isMerged: true, why: "compared elsewhere", maxRows: 7, maxDelayUs: 0),
            isDeterministic: true
        )

        func load(
            _ version: OpenedVersion,
            inspection: ModelInspection,
            known: VersionFindings?,
            for purpose: HostPurpose
        ) throws(Loader.Failure) -> HostedVersion {
            let failure = state.withLock { state in
                state.count += 1
                return state.failure
            }
            if let failure { throw failure }
            return HostedVersion(model: nil, findings: Self.findings, warmUpFailure: nil)
        }
    }

    private let home: ServingHome
    private let hosts = Hosts()
    private let engine = FakeEngine(name: "onnxruntime", FakeScript())
    private let id = VersionID(model: "m", version: 1)

    init() throws {
        home = try ServingHome()
        try home.publish([
            ("model.yaml", Array("format: 1\nengine: onnxruntime\nentry: model.bin\n".utf8)),
            ("model.bin", [1]),
        ])
    }

    private var loads: GuardedLoads {
        GuardedLoads(
            registry: home.registry,
            loader: Loader(
                engines: [engine.name: engine],
                loopRunNs: 0,
                meters: ServingMeters()
            ),
            hosts: hosts,
            isolation: IsolationLimits(),
            maxCrashes: 2,
            logger: Logger(label: "tests", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    /// Opens a version and tries it if it needs that.
    private func admit(
        in loads: GuardedLoads,
        isLive: Bool,
        isValidation: Bool = false
    ) throws(Loader.Failure) -> GuardedLoads.Placed {
        let candidate = try loads.open(id, isLive: isLive, isValidation: isValidation)
        let placed = try loads.place(candidate.version)
        if candidate.needsTrial { try loads.examineInHost(placed) }
        return placed
    }

    private func outcome(isLive: Bool = false) -> Loader.Failure? {
        do throws(Loader.Failure) {
            _ = try loads.load(admit(in: loads, isLive: isLive))
            return nil
        } catch {
            return error
        }
    }

    /// A process that ended within the load.
    private func crash() throws {
        let notes = try LoadNotes(
            home.registry.layout,
            registryKey: home.registry.cardKey,
            registryID: home.registry.registryID
        )
        try notes.begin(home.registry.open(model: id.model, version: id.version))
    }

    @Test("a version is tried before its first load and before no other")
    func once() {
        for _ in 0..<3 { #expect(outcome() == nil) }
        #expect(hosts.count == 1)
        #expect(engine.loads == 3)
    }

    @Test("comparisons that the trial has made are not made again")
    func findings() throws {
        let loads = loads
        let slot = try loads.load(admit(in: loads, isLive: false))
        #expect(slot.plan == Hosts.findings.plan)
        // The warm-up.
        #expect(engine.runs == 1)
    }

    @Test("a version that is not tried elsewhere is compared here")
    func comparedHere() throws {
        let slot = try loads.load(admit(in: loads, isLive: true))
        #expect(slot.plan.isMerged && slot.plan.maxRows == 64)
    }

    @Test("a validation tries a version each time, a rejected one too, and asks no earlier verdict")
    func validation() throws {
        #expect(outcome() == nil)
        for isLive in [false, true] {
            _ = try admit(in: loads, isLive: isLive, isValidation: true)
        }
        #expect(hosts.count == 3)
        try home.registry.reject(model: id.model, version: id.version, reason: "it crashed")
        #expect(outcome()?.reason.contains("it crashed") == true)
        _ = try admit(in: loads, isLive: false, isValidation: true)
        #expect(hosts.count == 4)
        hosts.fail(.rejected(reason: "it crashed again", detail: ""))
        #expect(throws: Loader.Failure.self) {
            _ = try admit(in: loads, isLive: true, isValidation: true)
        }
        hosts.fail(nil)
        _ = try admit(in: loads, isLive: true, isValidation: true)
        #expect(hosts.count == 6 && engine.loads == 1)
    }

    @Test("what an alias answers with is not held up by a trial, and needs none later")
    func live() {
        #expect(outcome(isLive: true) == nil)
        #expect(outcome() == nil)
        #expect(hosts.count == 0)
    }

    @Test("a version that fails its trial is not loaded, and is tried again when it is asked for")
    func fails() throws {
        hosts.fail(.rejected(reason: "it crashed", detail: ""))
        #expect(outcome()?.reason == "it crashed")
        hosts.fail(.passing(ServingError(.unavailable, "no process")))
        #expect(outcome()?.mayPass == true)
        #expect(engine.loads == 0)
        hosts.fail(nil)
        #expect(outcome() == nil)
        #expect(hosts.count == 3)
    }

    @Test("after one crash it is tried again, and a load that ends makes good for it")
    func crashedOnce() throws {
        #expect(outcome() == nil)
        try crash()
        #expect(outcome() == nil)
        #expect(hosts.count == 2)
        #expect(outcome() == nil)
        #expect(hosts.count == 2)
    }

    @Test("after two crashes it is rejected, live or not, until somebody asks for it again")
    func crashedTwice() throws {
        try crash()
        try crash()
        for isLive in [false, true] {
            let failure = try #require(outcome(isLive: isLive))
            #expect(!failure.mayPass)
            #expect(failure.reason.contains("ended 2 times in a row"))
        }
        #expect(engine.loads == 0)
        home.registry.loadNotes.forgetCrashes(model: id.model, version: id.version)
        #expect(outcome() == nil)
    }

    @Test("a load that fails is no crash")
    func failedLoad() throws {
        let engine = FakeEngine(
            name: "onnxruntime",
            FakeScript(loadFailure: EngineError(.invalidModel, "it is broken"))
        )
        var loads = loads
        loads = GuardedLoads(
            registry: loads.registry,
            loader: Loader(
                engines: [engine.name: engine],
                loopRunNs: 0,
                meters: ServingMeters()
            ),
            hosts: nil,
            isolation: IsolationLimits(),
            maxCrashes: 2,
            logger: loads.logger
        )
        for _ in 0..<3 {
            let placed = try loads.place(loads.open(id, isLive: false).version)
            #expect(throws: Loader.Failure.self) { try loads.load(placed) }
        }
    }
}
