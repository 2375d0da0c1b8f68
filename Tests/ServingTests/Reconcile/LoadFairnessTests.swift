import EngineTesting
import Registry
import Testing

@testable import Serving

@Suite("Whose versions are loaded first")
struct LoadFairnessTests {
    /// No load is overtaken while a test holds it.
    private static let patient: FirstLoad = {
        var firstLoad = FirstLoad.here
        firstLoad.patience.overtaking = .seconds(3_600)
        return firstLoad
    }()

    /// Stores versions, the loads of which wait at gates.
    private func store(_ world: ServingWorld, _ entries: String...) async throws
        -> [(id: VersionID, gate: Gate)]
    {
        var stored: [(id: VersionID, gate: Gate)] = []
        for entry in entries {
            let gate = Gate()
            world.script(entry, FakeScript(loadGate: gate))
            stored.append((try await world.store(entry), gate))
        }
        return stored
    }

    private func move(_ world: ServingWorld, _ id: VersionID, _ alias: String, for name: String)
        async throws
    {
        _ = try world.registry.setAlias(
            model: id.model,
            alias: alias,
            version: id.version,
            principal: name
        )
        await world.reconciler.aliasChanged(AliasID(model: id.model, alias: alias))
    }

    private func waiting(_ world: ServingWorld, _ count: Int) async -> Bool {
        await eventually { await world.reconciler.waitingLoads == count }
    }

    /// Lets one load after the other end, in the order in which they have to begin.
    private func expectOrder(_ loads: [(id: VersionID, gate: Gate)], _ order: [Int]) async {
        for (position, index) in order.enumerated() {
            await loads[index].gate.waitForArrivals(1)
            for later in order[(position + 1)...] {
                #expect(loads[later].gate.arrived == 0, "\(loads[later].id) before its turn")
            }
            loads[index].gate.open()
        }
    }

    @Test("a move does not wait for all moves of another principal")
    func moves() async throws {
        try await ServingWorld.with(firstLoad: Self.patient) { world in
            let loads = try await store(world, "a0", "a1", "a2", "a3", "b")
            for (index, load) in loads.dropLast().enumerated() {
                try await move(world, load.id, "alias-\(index)", for: "cert:ann")
            }
            await loads[0].gate.waitForArrivals(1)
            try await move(world, loads[4].id, "alias-b", for: "cert:bob")
            #expect(await waiting(world, 4))
            await expectOrder(loads, [0, 4, 1, 2, 3])
        }
    }

    @Test("validations after a publish take turns too")
    func validations() async throws {
        try await ServingWorld.with(firstLoad: Self.patient) { world in
            let loads = try await store(world, "a0", "a1", "a2", "b")
            for load in loads.dropLast() {
                await world.reconciler.validateInBackground(load.id, principal: "cert:ann")
            }
            await loads[0].gate.waitForArrivals(1)
            await world.reconciler.validateInBackground(loads[3].id, principal: "cert:bob")
            #expect(await waiting(world, 3))
            await expectOrder(loads, [0, 3, 1, 2])
        }
    }

    @Test("versions asked for by number are loaded in the turns of all who ask for them")
    func pinned() async throws {
        try await ServingWorld.with(firstLoad: Self.patient) { world in
            let loads = try await store(world, "a0", "a1", "a2", "a3", "b")
            var answers: [PendingAnswer] = []
            func ask(_ index: Int, _ name: String) {
                let version = loads[index].id.version
                answers.append(world.begin(.version(version), principal: name))
            }
            ask(0, "cert:ann")
            await loads[0].gate.waitForArrivals(1)
            for index in 1..<4 {
                ask(index, "cert:ann")
                #expect(await waiting(world, index))
            }
            ask(4, "cert:bob")
            #expect(await waiting(world, 4))
            // Another caller joins the last of the first one's.
            ask(3, "cert:eve")
            #expect(
                await eventually { await world.reconciler.owners(of: loads[3].id).count == 2 }
            )
            await expectOrder(loads, [0, 3, 4, 1, 2])
            for answer in answers { _ = try await answer.value.get() }
            #expect(await world.reconciler.waitingLoads == 0)
        }
    }

    /// Lets a request wait for a version.
    private func enter(_ waiters: LoadWaiters, _ version: Int, _ name: String)
        -> LoadWaiters.Entered
    {
        let request = PredictionRequest(
            model: "m",
            selector: .version(UInt64(version)),
            inputs: [],
            outputNames: [],
            principal: name,
            isCancelled: { false },
            completion: { _ in }
        )
        return waiters.enter(request, for: VersionID(model: "m", version: UInt64(version)))
    }

    @Test("a caller has so many of the requests that wait for a version, and others have the rest")
    func boundOfRequests() {
        let waiters = LoadWaiters()
        let most = LoadWaiters.maxRequestsPerPrincipal
        let id = VersionID(model: "m", version: 0)
        for _ in 0..<most { #expect(enter(waiters, 0, "a") != .full) }
        #expect(enter(waiters, 0, "a") == .full)
        for _ in 0..<most { #expect(enter(waiters, 0, "b") != .full) }
        #expect(enter(waiters, 0, "c") == .full)
        #expect(waiters.withdraw(1, for: id)?.principal == "a")
        #expect(waiters.withdraw(1, for: id) == nil)
        #expect(enter(waiters, 0, "b") == .full)
        #expect(enter(waiters, 0, "a") == .another(ticket: UInt64(2 * most + 1), isOwner: false))
        #expect(waiters.takeAll(for: id).count == 2 * most)
    }

    @Test("a caller that waits for many versions is refused another one, and others are not")
    func bound() {
        let waiters = LoadWaiters()
        func enter(_ version: Int, _ name: String) -> LoadWaiters.Entered {
            self.enter(waiters, version, name)
        }
        let most = LoadWaiters.maxVersionsPerPrincipal
        for version in 0..<most {
            #expect(enter(version, "a") == .first(ticket: UInt64(version + 1)))
        }
        #expect(enter(most, "a") == .full)
        let ticket = UInt64(most)
        #expect(enter(0, "a") == .another(ticket: ticket + 1, isOwner: false))
        #expect(enter(0, "b") == .another(ticket: ticket + 2, isOwner: true))
        #expect(enter(0, "b") == .another(ticket: ticket + 3, isOwner: false))
        #expect(enter(most, "b") == .first(ticket: ticket + 4))
        #expect(enter(most, "a") == .another(ticket: ticket + 5, isOwner: true))
        #expect(waiters.takeAll(for: VersionID(model: "m", version: 0)).count == 4)
        #expect(enter(most + 1, "a") == .first(ticket: ticket + 6))
        #expect(enter(most + 2, "a") == .full)
    }
}

extension Reconciler {
    /// The loads in the server that wait for their turns.
    fileprivate var waitingLoads: Int {
        schedule[.server].waiting.live.waiters.count + schedule[.server].waiting.other.waiters.count
    }

    fileprivate func owners(of id: VersionID) -> [String] { loadOwners.principals(of: id) }
}
