import Foundation
import Registry
import Sealing
import Text

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

    /// Commits a version of these files.
    @discardableResult
    func publish(
        _ files: [(path: String, content: [UInt8])],
        model: String = "m",
        alias: String? = nil
    ) throws -> Committed {
        let request = PublishRequest(
            model: model,
            files: files.map { path, content in
                BundleFile(
                    path: ExactString(path),
                    size: UInt64(content.count),
                    sha256: Digest.sha256(content)
                )
            },
            metadata: [:],
            idempotencyKey: ""
        )
        let begun = try registry.beginPublish(request, principal: "cert:ann")
        for (index, file) in files.enumerated() {
            _ = try registry.receiveChunk(
                uploadID: begun.uploadID,
                fileIndex: index,
                offset: 0,
                bytes: file.content.span.bytes,
                principal: "cert:ann"
            )
        }
        return try registry.commit(
            uploadID: begun.uploadID,
            alias: alias,
            principal: "cert:ann"
        )
    }

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
