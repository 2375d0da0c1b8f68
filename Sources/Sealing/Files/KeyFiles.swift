internal import Glibc
internal import Platform

/// The few file operations that keys need: read whole, write durably, never overwrite a key.
struct KeyFiles: Sendable {
    /// The modes of the files that this target writes.
    static let secretMode: UInt32 = 0o400
    static let publicMode: UInt32 = 0o444
    static let folderMode: UInt32 = 0o700
    /// What the names of unfinished files end with.
    private static let unfinished = ".tmp"
    private static let unfinishedBytes = 8

    /// With the system's own calls.
    static let system = KeyFiles(SystemCalls())

    let calls: any FileCalls

    init(_ calls: any FileCalls) {
        self.calls = calls
    }

    /// Reads a file of exactly 32 bytes straight into key memory.
    ///
    /// Symbolic links are followed (a mounted secret is one), and the file that they lead to is
    /// judged.
    ///
    /// - Throws: `keyMissing`, `keyAccess` for an owner or a mode that no key has or an unreadable
    ///   file, `format` for another size.
    func readKey(_ path: String) throws(SealingError) -> SecretKey {
        let file = try open(path)
        let status = try file.status(as: .key)
        guard status.byteCount == SecretKey.byteCount else {
            throw SealingError(
                .format,
                "\(path) has \(status.byteCount) bytes; a key has \(SecretKey.byteCount)"
            )
        }
        return try SecretKey { (key: inout MutableRawSpan) throws(SealingError) in
            try file.readAll(into: &key)
        }
    }

    /// Reads a small file that holds no key in the clear.
    ///
    /// - Parameter role: `key` for a wrapped key.
    /// - Throws: `keyMissing`, `keyAccess`, `limit` above ``SealingLimits/maxSmallFileBytes``.
    func readSmall(_ path: String, as role: FileRole) throws(SealingError) -> [UInt8] {
        let file = try open(path)
        let size = try file.status(as: role).byteCount
        guard size <= SealingLimits.maxSmallFileBytes else {
            throw SealingError(
                .limit,
                "\(path) has \(size) bytes; at most \(SealingLimits.maxSmallFileBytes) are read"
            )
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var span = bytes.mutableSpan
        var target = unsafe span.mutableBytes
        try file.readAll(into: &target)
        return bytes
    }

    /// Reads a small secret, whose file is judged as a key, straight into memory that is wiped.
    ///
    /// - Throws: `keyMissing`, `keyAccess`, `limit` above `maxBytes`.
    func readSecret(_ path: String, maxBytes: Int) throws(SealingError) -> SecretBuffer {
        let file = try open(path)
        let status = try file.status(as: .key)
        guard status.byteCount <= maxBytes else {
            throw SealingError(
                .limit,
                "\(path) has \(status.byteCount) bytes; at most \(maxBytes) are read"
            )
        }
        let buffer = try SecretBuffer(byteCount: Int(status.byteCount))
        try buffer.withMutableBytes(0..<buffer.byteCount) {
            (target: inout MutableRawSpan) throws(SealingError) in try file.readAll(into: &target)
        }
        return buffer
    }

    private func open(_ path: String) throws(SealingError) -> OpenFile {
        try OpenFile(reading: path, missing: .keyMissing, calls)
    }

    /// Moves a file to another folder of the same file system, durably. One that is not there
    /// any more was moved before, by a call that failed after it.
    ///
    /// - Throws: `keyAccess`, `limit`, `notDurable`.
    func move(_ path: String, to target: String) throws(SealingError) {
        do {
            try calls.rename(path, to: target)
        } catch {
            guard error.errno == ENOENT else { throw .file("cannot move \(path)", error) }
        }
        for name in [target, path] { try syncFolder(of: name) }
    }

    /// Whether anything has this name, a broken link included.
    ///
    /// - Throws: `keyAccess` if that cannot be told.
    func exists(_ path: String) throws(SealingError) -> Bool {
        do {
            try calls.look(at: path)
            return true
        } catch {
            guard error.errno == ENOENT || error.errno == ENOTDIR else {
                throw .file("cannot look at \(path)", error)
            }
            return false
        }
    }

    /// Makes a folder of mode 0700, durably, if nothing has its name; its parent must exist.
    func makeFolder(_ path: String) throws(SealingError) {
        do {
            try calls.makeFolder(path, mode: KeyFiles.folderMode)
        } catch {
            guard error.errno == EEXIST else {
                throw .file("cannot make the folder \(path)", error)
            }
        }
        // Also of one that is there: a call before may have failed between the two.
        try syncFolder(of: path)
    }

    /// Writes a file that must not exist yet, durably: whole or not at all, also after a crash.
    ///
    /// - Throws: `keyAccess`, also if the name is taken; `limit`, `notDurable`.
    func writeNew(_ bytes: RawSpan, to path: String, mode: UInt32) throws(SealingError) {
        try write(bytes, to: path, mode: mode) { temporary throws(SealingError) in
            do throws(FileCallError) {
                // Unlike a rename, a link never replaces what has the name already.
                try calls.link(temporary, to: path)
            } catch {
                throw .file("cannot create \(path)", error)
            }
            try? calls.unlink(temporary)
        }
    }

    /// Writes a file in the place of an old one, if there is one, durably.
    ///
    /// - Throws: `keyAccess`, `limit`, `notDurable`.
    func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(SealingError) {
        try bytes.withRawSpan { (bytes: RawSpan) throws(SealingError) in
            try write(bytes, to: path, mode: mode) { temporary throws(SealingError) in
                do throws(FileCallError) {
                    try calls.rename(temporary, to: path)
                } catch {
                    throw .file("cannot replace \(path)", error)
                }
            }
        }
    }

    /// The names in a folder, in no order.
    ///
    /// - Throws: `keyMissing` if there is no such folder, `keyAccess` if it cannot be read or
    ///   others may write to it.
    func names(in folder: String) throws(SealingError) -> [String] {
        _ = try open(folder).status(as: .folder)
        do {
            return try calls.names(in: folder)
        } catch {
            throw .file("cannot read the folder \(folder)", error, missing: .keyMissing)
        }
    }

    /// Removes what processes that ended while they wrote have left in a folder. Nobody may write
    /// in it meanwhile.
    func removeUnfinished(in folder: String) throws(SealingError) {
        for name in try names(in: folder) where KeyFiles.isUnfinished(name) {
            do {
                try calls.unlink("\(folder)/\(name)")
            } catch {
                throw .file("cannot remove \(folder)/\(name)", error)
            }
        }
    }

    private static func isUnfinished(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.hasPrefix("kek-") || name.hasPrefix("signing."), parts.count > 2,
            ".\(parts[parts.count - 1])" == unfinished
        else { return false }
        return Hex.decode(String(parts[parts.count - 2]))?.count == unfinishedBytes
    }

    private func write(
        _ bytes: RawSpan,
        to path: String,
        mode: UInt32,
        publish: (_ temporary: String) throws(SealingError) -> Void
    ) throws(SealingError) {
        let suffix = Hex.encode(try RandomBytes.make(count: KeyFiles.unfinishedBytes))
        let temporary = "\(path).\(suffix)\(KeyFiles.unfinished)"
        do {
            let file = try OpenFile(creating: temporary, mode: mode, calls)
            try file.writeAll(bytes)
            try file.sync()
            try publish(temporary)
        } catch {
            // What stays is removed by ``removeUnfinished(in:)``.
            try? calls.unlink(temporary)
            throw error
        }
        try syncFolder(of: path)
    }

    private func syncFolder(of path: String) throws(SealingError) {
        try open(KeyFiles.folder(of: path)).sync()
    }

    private static func folder(of path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
