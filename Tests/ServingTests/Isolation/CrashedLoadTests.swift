import Engine
import EngineTesting
import Testing

@testable import Registry
@testable import Serving

@Suite("Versions that crashed a host on synthetic inputs", .timeLimit(.minutes(1)))
struct CrashedLoadTests {
    private static let why = "its first load crashed a process on synthetic inputs"
    private let hosts = FakeHosts()

    private func claim(_ omitted: OmittedRuns) {
        hosts.claim(
            VersionFindings(
                plan: BatchPlan(isMerged: true, why: "merge", maxRows: 8, maxDelayUs: 0),
                isDeterministic: true,
                omitted: omitted
            )
        )
    }

    private func slot(_ world: ServingWorld) async throws -> Slot {
        try await world.host.slot(model: "m", selector: .alias("live"), principal: "cert:ann")
    }

    @Test(
        "a version that is else safe runs in a host, after a restart too",
        arguments: [OmittedRuns(warmUps: [0: "it crashed"]), OmittedRuns(omitsComparisons: true)]
    )
    func hosted(omitted: OmittedRuns) async throws {
        try await ServingWorld.with(firstLoad: hosts.firstLoad()) { world in
            claim(omitted)
            let merging = "batching: {mode: auto, max_rows: 32}\n"
            #expect(try await world.publishAndWait("v1", card: merging) == .served)
            #expect(world.engine.loads == 0 && hosts.purposes() == [.trial, .serving])
            #expect(hosts.calls.last?.omitted == omitted)
            let slot = try await slot(world)
            #expect(slot.isolation == SlotIsolation(isHosted: true, why: Self.why))
            #expect(slot.plan.isMerged != omitted.omitsComparisons)
            #expect(slot.isDeterministic != omitted.omitsComparisons)
            if omitted.omitsComparisons { #expect(slot.plan.why == OmittedRuns.whyUnmerged) }
            try await world.restarted { world async throws in
                #expect(try await world.answering() == 1)
                let isolation = try await self.slot(world).isolation
                #expect(isolation.why == Self.why)
                #expect(world.engine.loads == 0)
                #expect(hosts.purposes() == [.trial, .serving, .serving])
            }
        }
    }

    @Test("a version that crashed nothing runs where the analysis says")
    func other() async throws {
        try await ServingWorld.with(firstLoad: hosts.firstLoad()) { world in
            claim(OmittedRuns())
            #expect(try await world.publishAndWait("v1") == .served)
            let isolation = try await slot(world).isolation
            #expect(!isolation.isHosted)
            #expect(world.engine.loads == 1)
        }
    }

    @Test("where card and server want no isolation, the server leaves the same runs out")
    func none() async throws {
        try await ServingWorld.with(
            firstLoad: hosts.firstLoad(),
            limits: { $0.isolation.minimum = .none }
        ) { world in
            // Of the echo's two attempts that fit its fixed width none is left.
            claim(OmittedRuns(warmUps: [0: "it crashed", 1: "it crashed", 2: "", 3: ""]))
            world.script("v1", FakeScript(), warmUps: 0)
            let end = try await world.publishAndWait("v1", card: "isolation: none\n")
            #expect(
                end
                    == .rejected(
                        reason: "the move needs force, since every run on synthetic inputs failed: "
                            + "it crashed"
                    )
            )
            #expect(world.engine.runs == 0 && world.engine.loads == 1)
            let forced = try await world.setAlias(1, overrides: MoveOverrides(isForced: true))
            #expect(await world.outcome(of: forced) == .served)
            let isolation = try await slot(world).isolation
            #expect(!isolation.isHosted)
            #expect(world.engine.runs == 0)
            // A later server does not know the runs, and asks a host before it loads the version.
            try await world.restarted { world async throws in
                #expect(try await world.answering() == 1)
                #expect(hosts.purposes().last == .trial)
            }
        }
    }
}
