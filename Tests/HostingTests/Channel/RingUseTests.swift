import Engine
import EngineTesting
import Foundation
import Testing
import Text

@testable import Hosting

@Suite("The memory of runs")
struct RingUseTests {
    @Test("Inputs that lie in parts are joined in the shared memory")
    func partedInputs() throws {
        struct Parts: TensorBytes {
            let parts: [[UInt8]]
            var byteCount: Int { parts.reduce(0) { $0 + $1.count } }
            func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
                Issue.record("the parts were joined outside of the ring")
                return try parts.flatMap { $0 }.withBytes(body)
            }
            func forEachPart(_ body: (RawSpan) throws -> Void) rethrows {
                for part in parts { try part.withBytes(body) }
            }
        }
        let host = try TestHost(fakeModel(FakeScript()))
        let parts = (0..<5).map { part in bytes((0..<4).map { Float(part * 4 + $0) }) } + [[]]
        let input = InputTensor(name: "x", type: .fp32, shape: [5, 4], bytes: Parts(parts: parts))
        let outputs = try host.channel.run([input], of: .rows())
        #expect(outputs[0].copied() == bytes((0..<20).map { Float($0) }))
    }

    @Test("Tensors that the ring cannot hold go through areas, which the budget gets back")
    func largerThanTheRing() throws {
        let host = try TestHost(fakeModel(FakeScript()), ringBytes: 65_536)
        for rows in [RowAnalysis.proved, .unproved] {
            let input = HostingTests.rows(100_000)
            var outputs: [OutputTensor]? = try host.channel.run([input], of: .rows(), rows: rows)
            #expect(outputs?[0].copied() == input.bytes.copied())
            // The output lies in its area still.
            #expect(host.budget.taken == 1_600_000)
            outputs = nil
            #expect(host.budget.taken == 0)
        }
    }

    @Test("A run at the budget passes, one past it fails and gives all back")
    func budget() throws {
        // Input and output of 16 bytes a row, both in areas, within one host's half.
        let atLimit = try TestHost(fakeModel(FakeScript()), ringBytes: 0, budget: 4 * 1_600)
        for rows in [RowAnalysis.proved, .unproved] {
            let input = HostingTests.rows(100)
            #expect(try atLimit.channel.run([input], of: .rows(), rows: rows)[0].byteCount == 1_600)
            let error = try engineError {
                _ = try atLimit.channel.run([HostingTests.rows(101)], of: .rows(), rows: rows)
            }
            #expect(error.code == .outOfMemory)
            #expect(error.message.contains("bytes of tensors wait"))
            #expect(error.message.contains("may have 3200 bytes"))
            #expect(atLimit.budget.taken == 0)
            #expect(atLimit.killed.current == nil)
        }
    }

    @Test("One host has half of the budget at most, and others have the rest")
    func budgetShare() throws {
        let budget = TestBudget(6_400)
        let (first, second) = (BudgetShare(of: budget), BudgetShare(of: budget))
        try first.take(3_200)
        let own = try engineError { try first.take(1) }
        #expect(own.code == .outOfMemory && own.message.contains("the model's process may have"))
        try second.take(3_000)
        #expect(budget.take(200))
        let whole = try engineError { try second.take(1) }
        #expect(whole.code == .outOfMemory && whole.message.contains("the server's limit"))
        budget.giveBack(200)
        try second.take(200)
        first.giveBack(3_200)
        second.giveBack(3_200)
        #expect(budget.taken == 0)
        try first.take(3_200)
        #expect(try engineError { try first.take(.max) }.code == .outOfMemory)
    }

    @Test("Eight threads on lanes share the ring without mixing up a byte", arguments: [1, 4])
    func concurrentRuns(lanes: Int) async throws {
        let host = try TestHost(fakeModel(FakeScript()), ringBytes: 1 << 19, lanes: lanes)
        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for thread in 0..<8 {
                group.addTask {
                    try await onThread {
                        var random = SeededNumbers(UInt64(thread))
                        var kept: [(OutputTensor, [UInt8])] = []
                        var wrong = 0
                        for run in 0..<150 {
                            let count =
                                Int.random(in: 0...3_000, using: &random)
                                >> Int.random(in: 0...8, using: &random)
                            let input = rows(count, first: Float(thread * 1_000 + run))
                            let output = try host.channel.run(
                                [input],
                                of: .rows(),
                                rows: run % 2 == 0 ? .proved : .unproved
                            )[0]
                            kept.append((output, input.bytes.copied()))
                            if kept.count > 6 {
                                let index = Int.random(in: 0..<kept.count, using: &random)
                                let (output, expected) = kept.remove(at: index)
                                if output.copied() != expected { wrong += 1 }
                            }
                        }
                        return wrong + kept.count { $0.0.copied() != $0.1 }
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wrong == 0)
        #expect(host.budget.taken == 0)
    }

    @Test("Outputs stay good when the channel and its host are gone")
    func outputsOutliveTheChannel() throws {
        var host: TestHost? = try TestHost(fakeModel(FakeScript()))
        let input = rows(2_000)
        let outputs = try #require(try host?.channel.run([input], of: .rows()))
        host?.channel.ended(.killed(9))
        host = nil
        #expect(outputs[0].copied() == input.bytes.copied())
    }

    @Test("Neither side keeps a descriptor of an area")
    func descriptorsAreClosed() throws {
        let host = try TestHost(fakeModel(FakeScript()), ringBytes: 0)
        for rows in [RowAnalysis.proved, .unproved] {
            for count in [1, 1_000] {
                _ = try host.channel.run([HostingTests.rows(count)], of: .rows(), rows: rows)
            }
        }
        var shared = stat()
        try #require(fstat(host.channel.memoryDescriptor, &shared) == 0)
        let copies = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
            var other = stat()
            return fstat(Int32($0) ?? -1, &other) == 0 && other.st_ino == shared.st_ino
                && other.st_dev == shared.st_dev
        }
        // The server's own: the host has closed its copy of the shared memory.
        #expect(copies.count == 1)
    }

    @Test(
        "Lanes and bytes of the ring have limits",
        arguments: [(0, 0), (257, 0), (1, -1), (1, (1 << 36) + 1)]
    )
    func limits(lanes: Int, ringBytes: Int) throws {
        let error = try engineError {
            _ = try HostChannel(ringBytes: ringBytes, lanes: lanes, budget: TestBudget())
        }
        #expect(error.code == .unavailable)
        #expect(throws: Never.self) {
            _ = try HostChannel(ringBytes: 1, lanes: HostingLimits.maxLanes, budget: TestBudget())
        }
    }
}
