import Foundation
import Testing

@testable import Engine

/// A survey of the verdicts on a folder of models. It needs STRONGROOM_ISOLATION_MODELS.
@Suite("The verdict on a folder of models")
struct IsolationSurveyTests {
    private static let folder = ProcessInfo.processInfo.environment["STRONGROOM_ISOLATION_MODELS"]

    @Test("every model gets a verdict", .enabled(if: folder != nil))
    func survey() throws {
        let folder = try #require(Self.folder)
        let files = try #require(FileManager.default.enumerator(atPath: folder))
        let names = files.compactMap { $0 as? String }.filter { $0.hasSuffix(".onnx") }.sorted()
        var safe = 0
        var reasons: [String: Int] = [:]
        for name in names {
            let model = [UInt8](try Data(contentsOf: URL(filePath: folder).appending(path: name)))
            switch isolationVerdict(model) {
            case .safe:
                safe += 1
                print("safe: \(name)")
            case .needsHost(let why, let node):
                reasons[why, default: 0] += 1
                print("host: \(name): \(why), \(node ?? "no node")")
            }
        }
        for (why, count) in reasons.sorted(by: { $0.value > $1.value }) {
            print("\(count)\t\(why)")
        }
        print("\(safe) of \(names.count) models are safe in the server's process")
        #expect(!names.isEmpty)
    }
}
