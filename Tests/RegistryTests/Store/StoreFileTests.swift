import Foundation
import Platform
import Sealing
import Synchronization
import Testing

@testable import Registry

@Suite("Files of the store")
struct StoreFileTests {
    @Test("a FIFO or a device is refused without waiting")
    func kinds() throws {
        let fifo = path()
        try #require(mkfifo(fifo, 0o600) == 0)
        defer { unlink(fifo) }
        for name in [fifo, "/dev/zero"] {
            #expect(throws: RegistryError(.internalFailure, "")) {
                _ = try StoreFolder.system.readText(name, maxBytes: 64)
            }
            #expect(throws: RegistryError(.internalFailure, "")) {
                _ = try StoreFile(writing: name, SystemCalls())
            }
        }
        #expect(throws: RegistryError(.unavailable, "")) {
            _ = try MetadataStore.openForReading(fifo)
        }
    }

    private func path() -> String {
        NSTemporaryDirectory() + "strongroom-file-" + UUID().uuidString
    }

    @Test("calls that are interrupted, or do a part, are gone on with")
    func partial() throws {
        let path = path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let files = HaltingFiles()
        let content = patterned(1_000)
        let file = try StoreFile(creating: path, files)
        try content.withRawBytes { bytes throws(RegistryError) in try file.write(bytes, at: 3) }
        #expect(try file.byteCount() == 1_003)
        var read = [UInt8](repeating: 0, count: 1_000)
        try read.withMutableRawBytes { bytes throws(RegistryError) in
            try file.read(into: &bytes, at: 3)
        }
        #expect(read == content)
        #expect(files.calls.load(ordering: .relaxed) > 1_000)
        #expect(
            refusal {
                try read.withMutableRawBytes { bytes throws(RegistryError) in
                    try file.read(into: &bytes, at: 4)
                }
            } == .dataLoss
        )
        try file.close()
    }

    @Test("what has no room, no descriptors, or fails, is told apart")
    func codes() {
        func code(_ errno: Int32) -> RegistryError.Code {
            RegistryError.system("write", "/x", FileCallError(errno: errno)).code
        }
        #expect(
            [ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE].allSatisfy { code($0) == .resourceExhausted }
        )
        #expect([EIO, EACCES, EROFS].allSatisfy { code($0) == .internalFailure })
    }

    @Test(
        "a failed sync of a blob is the storage's, and nothing is written any more; a full one is not"
    )
    func syncs() throws {
        for (fault, isFatal) in [(Fault.failedSync, true), (.noSpace, false)] {
            let plan = FaultPlan()
            let created = try TestHome(in: fastFolder)
            try created.create()
            let home = TestHome(
                copied: created.path,
                registryID: created.registryID,
                files: FaultyFiles(plan)
            )
            let registry = try home.open()
            let bundle = TestBundle(content: patterned(100), key: "k")
            let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
            // A folder, a free name, a file, its header and its chunk come before.
            let number = fault == .failedSync ? 1 : 6
            plan.watch(Injection(fault: fault, number: number, isForGood: false))
            #expect(refusal { try bundle.send(begun.uploadID, to: registry) } != nil)
            #expect(plan.hit == "sync")
            #expect((registry.storageFailure != nil) == isFatal)
            let again = refusal { try bundle.send(begun.uploadID, to: registry) }
            #expect(again == (isFatal ? .internalFailure : nil))
        }
    }
}

/// Every second read or write is interrupted, and the others do one byte.
private final class HaltingFiles: FileCalls {
    let calls = Atomic(0)
    private let system = SystemCalls()

    private func halt() throws(FileCallError) {
        if calls.add(1, ordering: .relaxed).newValue % 2 == 1 { throw FileCallError(errno: EINTR) }
    }

    func read(
        _ descriptor: Int32,
        into bytes: inout MutableRawSpan,
        from start: Int,
        at offset: UInt64
    ) throws(FileCallError) -> Int {
        try halt()
        var one = [UInt8](repeating: 0, count: 1)
        let count = try one.withMutableRawBytes { one throws(FileCallError) in
            try system.read(descriptor, into: &one, from: 0, at: offset)
        }
        if count == 1 { bytes.storeBytes(of: one[0], toByteOffset: start, as: UInt8.self) }
        return count
    }

    func write(
        _ descriptor: Int32,
        _ bytes: RawSpan,
        at offset: UInt64
    ) throws(FileCallError) -> Int {
        try halt()
        return try system.write(descriptor, bytes.extracting(0..<1), at: offset)
    }

    func open(_ path: String, flags: Int32, mode: UInt32) throws(FileCallError) -> Int32 {
        try system.open(path, flags: flags, mode: mode)
    }
    func close(_ descriptor: Int32) throws(FileCallError) { try system.close(descriptor) }
    func status(_ descriptor: Int32) throws(FileCallError) -> FileStatus {
        try system.status(descriptor)
    }
    func setMode(_ descriptor: Int32, _ mode: UInt32) throws(FileCallError) {
        try system.setMode(descriptor, mode)
    }
    func sync(_ descriptor: Int32) throws(FileCallError) { try system.sync(descriptor) }
    func lock(_ descriptor: Int32, _ operation: Int32) throws(FileCallError) {
        try system.lock(descriptor, operation)
    }
    func link(_ path: String, to new: String) throws(FileCallError) {
        try system.link(path, to: new)
    }
    func rename(_ path: String, to new: String) throws(FileCallError) {
        try system.rename(path, to: new)
    }
    func unlink(_ path: String) throws(FileCallError) { try system.unlink(path) }
    func makeFolder(_ path: String, mode: UInt32) throws(FileCallError) {
        try system.makeFolder(path, mode: mode)
    }
    func removeFolder(_ path: String) throws(FileCallError) { try system.removeFolder(path) }
    func names(in path: String) throws(FileCallError) -> [String] { try system.names(in: path) }
    func look(at path: String) throws(FileCallError) { try system.look(at: path) }
}
