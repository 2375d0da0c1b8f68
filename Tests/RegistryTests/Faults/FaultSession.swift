import Foundation
import Registry
import Sealing

/// One process on a home: it opens the registry, does something, and ends.
final class FaultSession {
    let home: TestHome
    private(set) var registry: Registry?

    init(_ home: TestHome) {
        self.home = home
    }

    /// The open registry.
    var opened: Registry {
        get throws {
            guard let registry else { throw TestFailure(message: "the registry is not open") }
            return registry
        }
    }

    func open() throws {
        registry = try home.open()
    }

    func close() {
        registry = nil
    }
}

/// The folder for tests that sync very often: in memory, where there is such a one.
let fastFolder =
    FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()

extension TestHome {
    /// A copy of a home that nobody has open.
    func copyClosed(files: any FileCalls = SystemCalls()) throws -> TestHome {
        let target = fastFolder + "/strongroom-registry-" + UUID().uuidString
        try FileManager.default.copyItem(atPath: path, toPath: target)
        return TestHome(copied: target, registryID: registryID, files: files)
    }
}
