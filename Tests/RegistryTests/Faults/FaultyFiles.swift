import Foundation
import Platform
import Registry
import Sealing
import Synchronization

/// The system's calls, as far as a plan lets them pass.
struct FaultyFiles: FileCalls {
    let plan: FaultPlan
    private let system = SystemCalls()
    private let newNames = NewNames()

    init(_ plan: FaultPlan) {
        self.plan = plan
    }

    func open(_ path: String, flags: Int32, mode: UInt32) throws(FileCallError) -> Int32 {
        try check(flags & O_CREAT == 0 ? .read : .create, "open \(path)")
        return try system.open(path, flags: flags, mode: mode)
    }

    func close(_ descriptor: Int32) throws(FileCallError) {
        try system.close(descriptor)
        try check(.read, "close")
    }

    func status(_ descriptor: Int32) throws(FileCallError) -> FileStatus {
        try check(.read, "fstat")
        return try system.status(descriptor)
    }

    func setMode(_ descriptor: Int32, _ mode: UInt32) throws(FileCallError) {
        try check(.create, "fchmod")
        try system.setMode(descriptor, mode)
    }

    func read(
        _ descriptor: Int32,
        into bytes: inout MutableRawSpan,
        from start: Int,
        at offset: UInt64
    ) throws(FileCallError) -> Int {
        try check(.read, "read")
        return try system.read(descriptor, into: &bytes, from: start, at: offset)
    }

    func write(
        _ descriptor: Int32,
        _ bytes: RawSpan,
        at offset: UInt64
    ) throws(FileCallError) -> Int {
        switch plan.meet(.write, "write") {
        case .pass: return try system.write(descriptor, bytes, at: offset)
        case .half(let errno):
            let half = bytes.extracting(0..<bytes.byteCount / 2)
            _ = try system.write(descriptor, half, at: offset)
            throw FileCallError(errno: errno)
        case .fail(let errno), .lose(let errno): throw FileCallError(errno: errno)
        }
    }

    func sync(_ descriptor: Int32) throws(FileCallError) {
        switch plan.meet(.sync, "sync") {
        case .pass:
            try system.sync(descriptor)
            newNames.clear(FaultyFiles.path(of: descriptor))
        case .lose(let errno):
            // Every file is synced once, when it is whole: all of it is gone. A folder refuses,
            // and loses its new names.
            if ftruncate(descriptor, 0) != 0 { loseNames(in: FaultyFiles.path(of: descriptor)) }
            throw FileCallError(errno: errno)
        case .fail(let errno), .half(let errno): throw FileCallError(errno: errno)
        }
    }

    func lock(_ descriptor: Int32, _ operation: Int32) throws(FileCallError) {
        if operation & LOCK_UN == 0 { try check(.lock, "flock") }
        try system.lock(descriptor, operation)
    }

    func link(_ path: String, to new: String) throws(FileCallError) {
        try check(.name, "link \(path)")
        try system.link(path, to: new)
        newNames.add(new, instead: nil)
    }

    func rename(_ path: String, to new: String) throws(FileCallError) {
        try check(.name, "rename \(path)")
        let before = plan.losesUnsynced ? FileManager.default.contents(atPath: new) : nil
        try system.rename(path, to: new)
        newNames.add(new, instead: before)
    }

    func unlink(_ path: String) throws(FileCallError) {
        try check(.name, "unlink \(path)")
        try system.unlink(path)
    }

    func makeFolder(_ path: String, mode: UInt32) throws(FileCallError) {
        try check(.name, "mkdir \(path)")
        try system.makeFolder(path, mode: mode)
        newNames.add(path, instead: nil)
    }

    func removeFolder(_ path: String) throws(FileCallError) {
        try check(.name, "rmdir \(path)")
        try system.removeFolder(path)
    }

    func names(in path: String) throws(FileCallError) -> [String] {
        try check(.read, "list \(path)")
        return try system.names(in: path)
    }

    func look(at path: String) throws(FileCallError) {
        try check(.read, "stat \(path)")
        try system.look(at: path)
    }

    private func loseNames(in folder: String) {
        for name in newNames.clear(folder).reversed() {
            if let before = name.before {
                // The old file had the mode of the one that took its place.
                let mode = FileStatus(path: name.path)?.permissions ?? 0o600
                _ = FileManager.default.createFile(
                    atPath: name.path,
                    contents: before,
                    attributes: [.posixPermissions: Int(mode)]
                )
            } else if Foundation.unlink(name.path) != 0 {
                _ = rmdir(name.path)
            }
        }
    }

    private static func path(of descriptor: Int32) -> String {
        let link = "/proc/self/fd/\(descriptor)"
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) ?? ""
    }

    private func check(
        _ kind: CallKind,
        _ what: @autoclosure () -> String
    ) throws(FileCallError) {
        switch plan.meet(kind, what()) {
        case .pass: return
        case .fail(let errno), .half(let errno), .lose(let errno):
            throw FileCallError(errno: errno)
        }
    }
}

/// The names that were given since their folders were last synced.
private final class NewNames: Sendable {
    private let names = Mutex<[String: [(path: String, before: Data?)]]>([:])

    /// Notes a name, with the content of the file that it was taken from.
    func add(_ path: String, instead before: Data?) {
        let folder = (path as NSString).deletingLastPathComponent
        names.withLock { $0[folder, default: []].append((path, before)) }
    }

    /// Forgets the names in a folder, and answers them.
    @discardableResult
    func clear(_ folder: String) -> [(path: String, before: Data?)] {
        names.withLock { $0.removeValue(forKey: folder) ?? [] }
    }
}
