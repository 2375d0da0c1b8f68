import Engine
import EngineTesting
import Foundation
import Registry
import Testing
import Text

@testable import Serving

@Suite("Files that an engine reads while it loads")
struct DamagedFileTests {
    private func failure(
        reads: [ExactString],
        damaged: Bool
    ) async throws -> Loader.Failure? {
        let home = try ServingHome()
        let engine = FakeEngine(name: "onnxruntime", FakeScript(reads: reads))
        let weights = [UInt8](repeating: 7, count: 5_000)
        try home.publish([
            ("model.yaml", Array("format: 1\nengine: onnxruntime\nentry: net/model.bin\n".utf8)),
            ("net/model.bin", [1]), ("net/weights.bin", weights),
        ])
        if damaged {
            let blob = try #require(
                try home.blobs().first {
                    try Data(contentsOf: URL(filePath: $0)).count > weights.count
                }
            )
            try home.damage(blob)
        }
        let loader = Loader(
            engines: [engine.name: engine],
            loopRunNs: 0,
            meters: ServingMeters()
        )
        let opened = try home.registry.open(model: "m", version: 1)
        do throws(Loader.Failure) {
            _ = try loader.load(opened)
            return nil
        } catch {
            return error
        }
    }

    @Test("a whole one is read, by its path from the entry's folder")
    func whole() async throws {
        #expect(try await failure(reads: ["weights.bin"], damaged: false) == nil)
    }

    @Test("a damaged one is damage, which no later try mends, whatever the engine makes of it")
    func damaged() async throws {
        let failure = try #require(try await failure(reads: ["weights.bin"], damaged: true))
        guard case .damaged(let error) = failure else {
            Issue.record("\(failure)")
            return
        }
        #expect(error.code == .dataLoss)
        #expect(!failure.mayPass)
        #expect(failure.reason.contains("file 'net/weights.bin'"))
    }

    @Test("one that nobody reads harms nothing")
    func unread() async throws {
        #expect(try await failure(reads: [], damaged: true) == nil)
    }
}
