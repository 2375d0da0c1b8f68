internal import COpenSSL
internal import Glibc

/// The few file operations that keys need: read whole, write durably, never overwrite a key.
enum KeyFiles {
    /// The modes of the files that this target writes.
    static let secretMode: mode_t = 0o400
    static let publicMode: mode_t = 0o444
    static let folderMode: mode_t = 0o700

    /// Reads a file of exactly 32 bytes straight into key memory.
    ///
    /// Symbolic links are followed (a mounted secret is one); what counts is the file they lead
    /// to, which must be closed to group and others.
    ///
    /// - Throws: `keyMissing`, `keyAccess` for a mode too open or an unreadable file, `format`
    ///   for another size.
    static func readKey(_ path: String) throws(SealingError) -> SecretKey {
        let file = try OpenFile(reading: path, missing: .keyMissing)
        let status = try file.status()
        try checkClosed(status, path)
        guard status.st_size == SecretKey.byteCount else {
            throw SealingError(
                .format,
                "\(path) has \(status.st_size) bytes; a key has \(SecretKey.byteCount)"
            )
        }
        return try SecretKey { (key: inout MutableRawSpan) throws(SealingError) in
            try file.readAll(into: &key)
        }
    }

    /// Reads a small file that holds no key in the clear.
    ///
    /// - Throws: `keyMissing`, `keyAccess`, `limit` above ``SealingLimits/maxSmallFileBytes``.
    static func readSmall(_ path: String) throws(SealingError) -> [UInt8] {
        let file = try OpenFile(reading: path, missing: .keyMissing)
        let size = try Int(file.status().st_size)
        guard size <= SealingLimits.maxSmallFileBytes else {
            throw SealingError(
                .limit,
                "\(path) has \(size) bytes; at most \(SealingLimits.maxSmallFileBytes) are read"
            )
        }
        var bytes = [UInt8](repeating: 0, count: size)
        var span = bytes.mutableSpan
        var target = unsafe span.mutableBytes
        try file.readAll(into: &target)
        return bytes
    }

    /// Reads a small secret straight into memory that is wiped; its file must be closed to group
    /// and others.
    ///
    /// - Throws: `keyMissing`, `keyAccess`, `limit` above `maxBytes`.
    static func readSecret(_ path: String, maxBytes: Int) throws(SealingError) -> SecretBuffer {
        let file = try OpenFile(reading: path, missing: .keyMissing)
        let status = try file.status()
        try checkClosed(status, path)
        guard status.st_size <= maxBytes else {
            throw SealingError(
                .limit,
                "\(path) has \(status.st_size) bytes; at most \(maxBytes) are read"
            )
        }
        let buffer = try SecretBuffer(byteCount: Int(status.st_size))
        try buffer.withMutableBytes(0..<buffer.byteCount) {
            (target: inout MutableRawSpan) throws(SealingError) in try file.readAll(into: &target)
        }
        return buffer
    }

    private static func checkClosed(_ status: stat, _ path: String) throws(SealingError) {
        let mode = status.st_mode & 0o777
        guard mode & 0o077 == 0 else {
            throw SealingError(
                .keyAccess,
                "\(path) has mode 0\(String(mode, radix: 8)), open to group or others; "
                    + "a key file has mode 0400"
            )
        }
    }

    /// Moves a file to a free name in another folder of the same file system, durably.
    ///
    /// - Throws: `keyAccess`.
    static func move(_ path: String, to target: String) throws(SealingError) {
        guard unsafe rename(path, target) == 0 else {
            throw .system(.keyAccess, "cannot move \(path)", errno: errno)
        }
        for name in [target, path] {
            try OpenFile(reading: folder(of: name), missing: .keyMissing).sync()
        }
    }

    /// Whether anything has this name, a broken link included.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// Makes a folder of mode 0700, durably, if nothing has its name; its parent must exist.
    static func makeFolder(_ path: String) throws(SealingError) {
        guard unsafe mkdir(path, folderMode) == 0 else {
            let number = errno
            if number == EEXIST { return }
            throw .system(.keyAccess, "cannot make the folder \(path)", errno: number)
        }
        try OpenFile(reading: folder(of: path), missing: .keyMissing).sync()
    }

    /// Writes a file that must not exist yet, durably: whole or not at all, also after a crash.
    ///
    /// - Throws: `keyAccess`, also if the name is taken.
    static func writeNew(
        _ bytes: RawSpan,
        to path: String,
        mode: mode_t
    ) throws(SealingError) {
        try write(bytes, to: path, mode: mode) { temporary throws(SealingError) in
            // Unlike a rename, a link never replaces what has the name already.
            guard unsafe link(temporary, path) == 0 else {
                throw .system(.keyAccess, "cannot create \(path)", errno: errno)
            }
            unsafe unlink(temporary)
        }
    }

    /// Writes a file in the place of an old one, if there is one, durably.
    ///
    /// - Throws: `keyAccess`.
    static func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(SealingError) {
        try bytes.withRawSpan { (bytes: RawSpan) throws(SealingError) in
            try write(bytes, to: path, mode: mode) { temporary throws(SealingError) in
                guard unsafe rename(temporary, path) == 0 else {
                    throw .system(.keyAccess, "cannot replace \(path)", errno: errno)
                }
            }
        }
    }

    /// The names in a folder, in no order.
    ///
    /// - Throws: `keyMissing` if there is no such folder, `keyAccess` if it cannot be read.
    static func names(in folder: String) throws(SealingError) -> [String] {
        guard let handle = unsafe opendir(folder) else {
            let number = errno
            throw .system(
                number == ENOENT ? .keyMissing : .keyAccess,
                "cannot read the folder \(folder)",
                errno: number
            )
        }
        defer { unsafe closedir(handle) }
        var names: [String] = []
        while let entry = unsafe readdir(handle) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    unsafe String(cString: name)
                }
            }
            names.append(name)
        }
        return names
    }

    private static func write(
        _ bytes: RawSpan,
        to path: String,
        mode: mode_t,
        publish: (_ temporary: String) throws(SealingError) -> Void
    ) throws(SealingError) {
        let suffix = Hex.encode(try RandomBytes.make(count: 8))
        let temporary = "\(path).\(suffix).tmp"
        do {
            let file = try OpenFile(creating: temporary, mode: mode)
            try file.writeAll(bytes)
            try file.sync()
            try publish(temporary)
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        try OpenFile(reading: folder(of: path), missing: .keyMissing).sync()
    }

    private static func folder(of path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
