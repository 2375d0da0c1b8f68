package import Glibc
internal import Platform

/// The few file operations of a home: small files, written whole or not at all.
package enum Files {
    package enum Access { case missing, forbidden, readable }

    /// Small files only: inputs of commands.
    private static let maxBytes = 16 << 20

    /// Whether anything has this name, a link that leads nowhere included: what an operator put
    /// there counts, and reading it says why it cannot be used.
    package static func isNamed(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0 || errno != ENOENT && errno != ENOTDIR
    }

    package static func exists(_ path: String) -> Bool {
        unsafe Glibc.access(path, F_OK) == 0
    }

    package static func access(_ path: String) -> Access {
        if unsafe Glibc.access(path, R_OK | X_OK) == 0 { return .readable }
        return errno == ENOENT || errno == ENOTDIR ? .missing : .forbidden
    }

    /// Makes a folder and what is missing above it.
    /// - Parameter name: what a failure calls it; nil: its path.
    package static func makeFolder(
        _ path: String,
        mode: mode_t = 0o700,
        shownAs name: String? = nil
    ) throws(ServerError) {
        guard !exists(path) else { return }
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex {
            try makeFolder(String(path[..<slash]), mode: 0o755)
        }
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else {
            throw failure("the folder \(name ?? path) cannot be made")
        }
        try sync(parent(of: path))
    }

    /// Reads an input of a command whole, which may be a pipe: it waits for the pipe's writer.
    /// Files of a home are read as ``TrustedFile``.
    package static func read(_ path: String) throws(ServerError) -> [UInt8] {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("\(path) cannot be read") }
        defer { close(file) }
        return try readAll(file, path, maxBytes: maxBytes)
    }

    static func readAll(
        _ file: Int32,
        _ path: String,
        maxBytes: Int
    ) throws(ServerError) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe Glibc.read(file, &block, block.count)
            guard count >= 0 else { throw failure("\(path) cannot be read") }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: block[..<count])
            guard bytes.count <= maxBytes else {
                throw ServerError("\(path) is larger than \(maxBytes) bytes")
            }
        }
    }

    /// Writes a file so that a reader, and a crash, sees the old one or the new one whole; the
    /// new one is durable when this returns. It has exactly this mode, whatever the umask is.
    package static func write(
        _ path: String,
        _ bytes: [UInt8],
        mode: mode_t = 0o600
    ) throws(ServerError) {
        let temporary = "\(path).\(getpid()).new"
        // Left over by a process of the same id. In a folder that others may write it may be
        // anything: it is removed, never opened.
        unsafe unlink(temporary)
        let file = unsafe open(
            temporary,
            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
            mode
        )
        guard file >= 0 else { throw failure("\(path) cannot be written") }
        guard fchmod(file, mode) == 0, writeAll(bytes, to: file) else {
            let error = failure("\(path) cannot be written")
            close(file)
            unsafe unlink(temporary)
            throw error
        }
        let synced = fsync(file) == 0
        guard close(file) == 0, synced, unsafe Glibc.rename(temporary, path) == 0 else {
            let error = failure("\(path) cannot be written")
            unsafe unlink(temporary)
            throw error
        }
        try sync(parent(of: path))
    }

    package static func write(
        _ path: String,
        text: String,
        mode: mode_t = 0o600
    ) throws(ServerError) {
        try write(path, Array(text.utf8), mode: mode)
    }

    /// Adds to the end of a file, which is made if need be; nothing is durable. It never waits.
    /// - Returns: the file's length, in bytes.
    /// - Throws: ``ServerError``, also for a FIFO or a device, and for a file that the rules
    ///   refuse.
    static func append(
        _ path: String,
        text: String,
        mode: mode_t,
        _ rules: FileTrust
    ) throws(ServerError) -> Int {
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let file = unsafe open(path, flags, mode)
        guard file >= 0 else { throw failure("\(path) cannot be written") }
        defer { close(file) }
        guard let status = FileStatus(descriptor: file) else {
            throw failure("\(path) cannot be written")
        }
        do {
            try rules.check(status, path, .trusted)
        } catch {
            throw ServerError(error)
        }
        guard writeAll(Array(text.utf8), to: file) else {
            throw failure("\(path) cannot be written")
        }
        return Int(lseek(file, 0, SEEK_END))
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes[offset...].withUnsafeBytes {
                unsafe Glibc.write(file, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    package static func remove(_ path: String) {
        unsafe unlink(path)
    }

    /// The attributes by which one state of a file is told from the next: size, and the times of the last change of its
    /// bytes, its mode or its owner; nil if missing.
    package static func stamp(_ path: String) -> [Int]? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return [
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
            status.st_ctim.tv_nsec, Int(status.st_size), Int(bitPattern: UInt(status.st_ino)),
        ]
    }

    /// The names in a folder, sorted; none if it cannot be read.
    package static func names(in folder: String) -> [String] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isEmptyFolder(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return false
        }
        return access(path) == .readable && names(in: path).isEmpty
    }

    static func rename(_ path: String, to target: String) throws(ServerError) {
        guard unsafe Glibc.rename(path, target) == 0 else {
            throw failure("\(target) cannot be made")
        }
        try sync(parent(of: target))
    }

    /// Makes the names in a folder durable.
    private static func sync(_ folder: String) throws(ServerError) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("the folder \(folder) cannot be read") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("\(folder) cannot be synced") }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Removes a folder with all that is in it; links are removed, not followed.
    static func removeFolder(_ path: String) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            unsafe unlink(path)
            return
        }
        for name in names(in: path) { removeFolder("\(path)/\(name)") }
        unsafe rmdir(path)
    }

    static func failure(_ what: String) -> ServerError {
        ServerError("\(what): \(unsafe String(cString: strerror(errno)))")
    }
}
