import Foundation
import Registry
import Testing

/// Every fault at every call of everything that changes a registry.
@Suite("Faults")
struct FaultMatrixTests {
    /// For each operation, each kind of fault and n = 1, 2, 3 ... the n-th call that the fault
    /// concerns fails: once, and with all later ones. The walk ends with the n that no call has.
    /// Afterwards the registry is opened as by a new process.
    @Test(
        "a fault at any call leaves the registry as before or as after, and a second try succeeds",
        arguments: FaultOperation.all
    )
    func matrix(operation: FaultOperation) throws {
        FaultVFS.install()
        let walk = try FaultWalk(operation)
        for fault in Fault.allCases {
            for isForGood in fault.isEnd ? [true] : [false, true] {
                try walk.walk(fault, isForGood: isForGood)
            }
        }
        print("faults: \(operation.name): \(walk.steps) calls, \(walk.cases) cases")
        let failures = walk.failures
        #expect(failures.isEmpty, "\(failures.count) of \(walk.cases): \(failures.prefix(20))")
        #expect(walk.cases > walk.steps)
    }

    @Test("the walk finds an operation that is not whole")
    func planted() throws {
        FaultVFS.install()
        let walk = try FaultWalk(
            FaultOperation(name: "two changes") { session in
                for version in [3, 1] as [UInt64] {
                    _ = try session.opened.setAlias(
                        model: "sentiment",
                        alias: "live",
                        version: version,
                        principal: "cert:ann"
                    )
                }
            }
        )
        try walk.walk(.kill, isForGood: true)
        #expect(!walk.failures.isEmpty && walk.failures.count < walk.cases)
        #expect(walk.failures.allSatisfy { $0.contains("neither before nor after") })
    }
}

/// The cases of one operation.
final class FaultWalk {
    /// The calls of the operation when nothing fails.
    private(set) var steps = 0
    private(set) var cases = 0
    private(set) var failures: [String] = []

    private let operation: FaultOperation
    private let template: TestHome
    private let before: CatalogueState?
    private let after: CatalogueState?

    init(_ operation: FaultOperation) throws {
        self.operation = operation
        template = try TestHome(in: fastFolder)
        try operation.prepare(template)
        before = try FaultWalk.state(try template.copyClosed(), operation) { session in
            if operation.isOnOpenRegistry {
                try session.open()
                try operation.arrange(session)
            }
        }
        let plan = FaultPlan()
        let home = try template.copyClosed(files: FaultyFiles(plan))
        FaultPlans.set(plan, for: home.path)
        after = try FaultWalk.state(home, operation) { session in
            if operation.isOnOpenRegistry {
                try session.open()
                try operation.arrange(session)
            }
            plan.watch(nil)
            try operation.run(session)
            plan.stopWatching()
        }
        FaultPlans.set(nil, for: home.path)
        steps = plan.seen
    }

    /// What a home without a registry has: nothing.
    private static func state(
        _ home: TestHome,
        _ operation: FaultOperation,
        _ body: (FaultSession) throws -> Void
    ) throws -> CatalogueState? {
        let session = FaultSession(home)
        try body(session)
        session.close()
        return isRegistry(home)
            ? try CatalogueState(try home.open(), event: operation.event) : nil
    }

    private static func isRegistry(_ home: TestHome) -> Bool {
        FileManager.default.fileExists(atPath: home.layout.databasePathForTests)
    }

    /// Tries a fault at every call.
    func walk(_ fault: Fault, isForGood: Bool) throws {
        var number = 1
        while try tryCase(Injection(fault: fault, number: number, isForGood: isForGood)) {
            number += 1
            cases += 1
        }
    }

    /// Tries one case.
    ///
    /// - Returns: Whether the fault met a call.
    private func tryCase(_ injection: Injection) throws -> Bool {
        let plan = FaultPlan()
        let home = try template.copyClosed(files: FaultyFiles(plan))
        FaultPlans.set(plan, for: home.path)
        defer { FaultPlans.set(nil, for: home.path) }
        let session = FaultSession(home)
        if operation.isOnOpenRegistry {
            try session.open()
            try operation.arrange(session)
        }
        plan.watch(injection)
        var refusal: (any Error)?
        do { try operation.run(session) } catch { refusal = error }
        plan.stopWatching()
        guard let hit = plan.hit else { return false }
        let place = "\(injection), \(hit), answered \(refusal.map { "\($0)" } ?? "well")"
        do {
            let isDone = try goOn(session, injection, at: hit, isDone: refusal == nil)
            session.close()
            guard plan.openFiles == 0 else { throw TestFailure(message: "files are left open") }
            FaultPlans.set(nil, for: home.path)
            try startAgain(home, isDone: isDone)
        } catch {
            failures.append("\(place): \(error)")
        }
        return true
    }

    /// The process goes on after a fault that has passed, unless the registry says that it must
    /// end; a write or a new file that found no room is no reason to.
    ///
    /// - Returns: Whether the operation has succeeded.
    private func goOn(
        _ session: FaultSession,
        _ injection: Injection,
        at hit: String,
        isDone: Bool
    ) throws -> Bool {
        guard let registry = session.registry else { return isDone }
        guard injection.fault != .failedSync || registry.storageFailure != nil else {
            throw TestFailure(message: "it goes on after a failed sync")
        }
        if let fault = registry.storageFailure, injection.isWantOfRoom(at: hit) {
            throw TestFailure(message: "it ends for want of room: \(fault)")
        }
        guard !injection.isForGood, registry.storageFailure == nil else { return isDone }
        let now = try CatalogueState(registry, event: operation.event)
        try expectBeforeOrAfter(now, isDone: isDone)
        if now != after || operation.isRepeatable { try operation.run(session) }
        return true
    }

    /// A new process opens the registry.
    private func startAgain(_ faulty: TestHome, isDone: Bool) throws {
        let home = TestHome(copied: faulty.path, registryID: faulty.registryID)
        let session = FaultSession(home)
        if FaultWalk.isRegistry(home) { try session.open() }
        var state = try session.registry.map { try CatalogueState($0, event: operation.event) }
        try expectBeforeOrAfter(state, isDone: isDone)
        if state != after || operation.isRepeatable {
            try operation.run(session)
            if session.registry == nil { try session.open() }
            state = try CatalogueState(session.opened, event: operation.event)
        }
        guard state == after else {
            throw TestFailure(message: "the second try led elsewhere: \(state?.lines ?? [])")
        }
        try operation.check(session)
        try checkFreed(session)
    }

    /// A collection frees all that a failure has left, and nothing else.
    private func checkFreed(_ session: FaultSession) throws {
        let collected = try session.opened.collect(apply: true)
        let used = try session.opened.checkContent()
        let content = try StoreContent(session.home)
        guard collected.failed == 0, content.stray.isEmpty, content.blobs == used else {
            throw TestFailure(message: "left: \(content), \(used) are in use, \(collected)")
        }
    }

    private func expectBeforeOrAfter(_ state: CatalogueState?, isDone: Bool) throws {
        guard state == after || (state == before && !isDone) else {
            throw TestFailure(
                message: "neither before nor after: \(state?.lines ?? []), before "
                    + "\(before?.lines ?? [])"
            )
        }
    }
}
