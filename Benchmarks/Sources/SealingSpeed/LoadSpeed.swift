import Text
import Foundation
import Registry
import Sealing
import Text

/// How long a file of a version takes to the engine's door, cold: the page cache has none of it.
final class LoadSpeed {
    private let folder: String
    private let layout: RegistryLayout
    private let keys: any KeyProvider
    private let signing: SigningKey
    private var registry: Registry?
    private let plain: String
    private let blobs: [String]

    /// Publishes a file of random bytes in a registry of its own below `folder`, and keeps it as
    /// it is beside that.
    init(folder: String, megabytes: Int) throws {
        self.folder = folder
        let registryID = try RandomBytes.make(count: 16)
        layout = RegistryLayout(home: folder)
        keys = try FolderKeyProvider.create(in: folder + "/keys")
        signing = try SigningKeyFile.create(
            folder: folder + "/keys",
            provider: keys,
            registryID: registryID
        )
        try Registry.create(layout: layout, registryID: registryID, keys: keys, signing: signing)
        let signing = signing
        let registry = try Registry(layout: layout, keys: keys) { _ in signing }
        self.registry = registry

        let byteCount = megabytes * 1_000_000
        plain = folder + "/plain"
        guard FileManager.default.createFile(atPath: plain, contents: nil) else {
            throw Failure(message: "a file cannot be created")
        }
        let hasher = SHA256Hasher()
        let writing = try Self.opened(FileHandle(forWritingAtPath: plain))
        for start in stride(from: 0, to: byteCount, by: Limits.chunkBytes) {
            let bytes = try RandomBytes.make(count: min(Limits.chunkBytes, byteCount - start))
            hasher.update(bytes)
            try writing.write(contentsOf: bytes)
        }
        try writing.synchronize()
        try writing.close()
        let file = BundleFile(
            path: "model.onnx",
            size: UInt64(byteCount),
            sha256: hasher.finalize()
        )
        let begun = try registry.beginPublish(
            PublishRequest(model: "speed", files: [file]),
            principal: "cert:speed"
        )
        let reading = try Self.opened(FileHandle(forReadingAtPath: plain))
        var offset: UInt64 = 0
        while let data = try reading.read(upToCount: Limits.chunkBytes), !data.isEmpty {
            let bytes = [UInt8](data)
            offset = try registry.receiveChunk(
                uploadID: begun.uploadID,
                fileIndex: 0,
                offset: offset,
                bytes: bytes.span.bytes,
                principal: "cert:speed"
            )
        }
        _ = try registry.commit(
            uploadID: begun.uploadID,
            alias: nil,
            principal: "cert:speed"
        )
        let names = FileManager.default.enumerator(atPath: folder + "/store/blobs")
        blobs = (names?.allObjects as? [String] ?? []).map { folder + "/store/blobs/" + $0 }
    }

    /// Seconds to read the file as it is, in pieces of 1 MiB, and take its SHA-256.
    func unencrypted() throws -> Double {
        try drop([plain])
        let start = ContinuousClock.now
        let descriptor = open(plain, O_RDONLY)
        defer { close(descriptor) }
        var piece = [UInt8](repeating: 0, count: Limits.chunkBytes)
        let hasher = SHA256Hasher()
        while true {
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { break }
            let span = piece.span
            hasher.update(span.bytes.extracting(0..<count))
        }
        _ = hasher.finalize()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    /// Seconds to have it verified and in memory: record, key, every chunk's tag, and the SHA-256
    /// if this process has not taken it yet.
    func encrypted(threads: Int, first: Bool) throws -> Double {
        if first {
            registry = nil
            let signing = signing
            registry = try Registry(layout: layout, keys: keys) { _ in signing }
        }
        guard let registry else { throw Failure(message: "the registry is not open") }
        try drop(blobs)
        let start = ContinuousClock.now
        let version = try registry.open(model: "speed", version: 1)
        let buffer = try version.read("model.onnx", threads: threads)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        precondition(buffer.byteCount > 0)
        return seconds
    }

    /// Has the system forget what it holds of files; what is not yet written it would keep.
    private func drop(_ paths: [String]) throws {
        for path in paths {
            let descriptor = open(path, O_RDONLY)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            fsync(descriptor)
            guard posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
                throw Failure(message: "the page cache cannot be dropped")
            }
        }
    }

    private static func opened(_ handle: FileHandle?) throws -> FileHandle {
        guard let handle else { throw Failure(message: "a file cannot be opened") }
        return handle
    }

    struct Failure: Error {
        let message: String
    }
}
