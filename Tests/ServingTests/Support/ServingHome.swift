import Foundation
import Registry
import Sealing

/// A registry in a temporary folder, removed at the end.
final class ServingHome: Sendable {
    let path: String
    let registry: Registry

    init() throws {
        path = NSTemporaryDirectory() + "strongroom-serving-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let registryID = try RandomBytes.make(count: 16)
        let keys = try FolderKeyProvider.create(in: path + "/keys")
        let signing = try SigningKeyFile.create(
            folder: path + "/keys",
            provider: keys,
            registryID: registryID
        )
        let layout = RegistryLayout(home: path)
        try Registry.create(layout: layout, registryID: registryID, keys: keys, signing: signing)
        registry = try Registry(layout: layout, keys: keys, signing: signing)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The paths of all sealed blobs.
    func blobs() throws -> Set<String> {
        let root = path + "/store/blobs"
        let names = try FileManager.default.subpathsOfDirectory(atPath: root)
        return Set(
            names.map { root + "/" + $0 }.filter { path in
                var isFolder: ObjCBool = false
                let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
                return exists && !isFolder.boolValue
            }
        )
    }

    /// Changes the last byte of a file.
    func damage(_ path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: URL(filePath: path))
    }
}
