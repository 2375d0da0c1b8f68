import Foundation
import GRDB
import Registry
import Sealing

extension TestHome {
    var backupPath: String { path + "/backup" }

    /// Makes or renews the backup that lies in the home.
    @discardableResult
    func backUp(
        _ options: RegistryBackup.Options = [],
        to folder: String? = nil
    ) throws -> RegistryBackup.Report {
        try RegistryBackup(
            of: layout,
            to: folder ?? backupPath,
            publicKey: try SigningKeyFile.publicKey(folder: path + "/keys"),
            clock: clock.wallClock
        ).run(options)
    }

    /// Restores from a backup: the home's own, if none is named.
    @discardableResult
    func restore(
        from folder: String? = nil,
        accepting acceptance: Acceptance? = nil,
        keysFolder: String? = nil,
        migrates: Bool = false,
        steps: Steps = .none
    ) throws -> RegistryRestore.Report {
        let folder = folder ?? backupPath
        let keysFolder = keysFolder ?? path + "/keys"
        let keys = try FolderKeyProvider(folder: keysFolder)
        return try RegistryRestore(
            from: folder,
            to: layout,
            keys: keys,
            clock: clock.wallClock,
            steps: steps
        ).run(acceptance: acceptance, migrates: migrates) {
            try SigningKeyFile.open(folder: keysFolder, provider: keys, registryID: $0)
        }
    }

    /// Accepts the store as it lies there.
    func accept(
        _ acceptance: Acceptance = .ofTests(),
        steps: Steps = .none
    ) throws -> Acceptance.Accepted? {
        let keys = try FolderKeyProvider(folder: path + "/keys")
        return try Registry.accept(
            acceptance,
            layout: layout,
            keys: keys,
            clock: clock.wallClock,
            steps: steps
        ) {
            try SigningKeyFile.open(folder: path + "/keys", provider: keys, registryID: $0)
        }
    }

    /// What `keys/sequence` holds; `nil` if it is missing.
    var seen: UInt64? {
        (try? String(contentsOfFile: path + "/keys/sequence", encoding: .utf8)).flatMap {
            UInt64($0.dropLast())
        }
    }

    /// Puts an older store, as `copy` has it, in the place of the present one.
    func putBack(storeOf copy: TestHome) throws {
        let files = FileManager.default
        try files.removeItem(atPath: path + "/store")
        try files.copyItem(atPath: copy.path + "/store", toPath: path + "/store")
    }

    /// One value out of a database that nobody has open.
    func count(_ sql: String, in folder: String? = nil) throws -> Int? {
        var configuration = Configuration()
        configuration.readonly = true
        let path = (folder ?? path) + "/store/registry.sqlite"
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { try Int.fetchOne($0, sql: sql) }
    }

    /// The digests of all files below a folder, by their path.
    func digests(below folder: String) throws -> [String: [UInt8]] {
        var digests: [String: [UInt8]] = [:]
        for file in try files(below: folder) {
            digests[file] = Digest.sha256([UInt8](try Data(contentsOf: URL(filePath: file))))
        }
        return digests
    }
}

extension Acceptance {
    static func ofTests(_ reason: String = "the disk was lost") -> Acceptance {
        guard let acceptance = try? Acceptance(principal: "uid:7", reason: reason) else {
            preconditionFailure("a reason that is none")
        }
        return acceptance
    }
}

/// Flips one bit of a file.
func flipBit(of file: String, at position: Int) throws {
    let url = URL(filePath: file)
    var data = try Data(contentsOf: url)
    data[position < 0 ? data.count + position : position] ^= 1
    try data.write(to: url)
}
