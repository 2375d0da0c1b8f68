import Foundation
import GRDB
import Registry
import Sealing
import Synchronization

/// A registry's home in a temporary folder, removed at the end.
final class TestHome: Sendable {
    let path: String
    let layout: RegistryLayout
    let registryID: [UInt8]
    let clock = TestClock()
    /// The calls that the registry and its keys are read and written with.
    private let files: any FileCalls

    /// Creates the keys and an empty registry.
    convenience init() throws {
        try self.init(in: NSTemporaryDirectory())
        try create()
    }

    /// Creates the keys alone, in a folder below `root`.
    init(in root: String) throws {
        path = root + "/strongroom-registry-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        files = SystemCalls()
        layout = RegistryLayout(home: path)
        registryID = try RandomBytes.make(count: 16)
        let keys = try FolderKeyProvider.create(in: path + "/keys")
        _ = try SigningKeyFile.create(
            folder: path + "/keys",
            provider: keys,
            registryID: registryID
        )
    }

    /// Creates the registry.
    func create() throws {
        let keys = try FolderKeyProvider(folder: path + "/keys", calls: files)
        let signing = try SigningKeyFile.open(
            folder: path + "/keys",
            provider: keys,
            registryID: registryID,
            calls: files
        )
        try Registry.create(
            layout: layout,
            registryID: registryID,
            keys: keys,
            signing: signing,
            clock: clock.wallClock
        )
    }

    /// A home that is there already: a copy of another.
    init(copied path: String, registryID: [UInt8], files: any FileCalls = SystemCalls()) {
        self.path = path
        self.registryID = registryID
        self.files = files
        layout = RegistryLayout(home: path, files: files)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Opens the registry as a server does.
    func open(steps: Steps = .none) throws -> Registry {
        let keys = try FolderKeyProvider(folder: path + "/keys", calls: files)
        return try Registry(layout: layout, keys: keys, clock: clock.wallClock, steps: steps) {
            try SigningKeyFile.open(
                folder: path + "/keys",
                provider: keys,
                registryID: $0,
                calls: files
            )
        }
    }

    /// A copy of everything, made by another process: closing a file of the database in this one
    /// would drop SQLite's locks.
    func copy() throws -> TestHome {
        let target = NSTemporaryDirectory() + "strongroom-registry-" + UUID().uuidString
        try runCommand(["cp", "-a", path, target])
        return TestHome(copied: target, registryID: registryID)
    }

    /// The paths of all files below the home, without it.
    func files(below folder: String = "store") throws -> [String] {
        let root = path + "/" + folder
        let names = FileManager.default.enumerator(atPath: root)
        var files: [String] = []
        while let name = names?.nextObject() as? String {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isFolder)
            if !isFolder.boolValue { files.append(root + "/" + name) }
        }
        return files.sorted()
    }

    /// Changes the database behind the registry's back, while nobody has it open.
    func sql(_ statement: String, checksReferences: Bool = true) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = checksReferences
        let queue = try DatabaseQueue(
            path: layout.databasePathForTests,
            configuration: configuration
        )
        try queue.write { try $0.execute(sql: statement) }
        try queue.close()
    }
}

extension RegistryLayout {
    var databasePathForTests: String { store + "/registry.sqlite" }
}

struct TestFailure: Error {
    let message: String
}

/// A clock that goes one millisecond on at each look.
final class TestClock: Sendable {
    private let now = Mutex<Int64>(1_700_000_000_000)

    var wallClock: WallClock {
        WallClock { [self] in
            now.withLock { now in
                now += 1
                return now
            }
        }
    }

    func advance(seconds: Int64) {
        now.withLock { $0 += seconds * 1_000 }
    }
}
