internal import Glibc

/// What the store does to folders and names.
enum StoreFolder {
    /// Makes a folder for its owner only; one that is there already is fine. A new one's name is
    /// durable when this returns.
    static func make(_ path: String) throws(RegistryError) {
        guard unsafe mkdir(path, 0o700) == 0 else {
            guard errno == EEXIST else { throw .system("make", path, errno: errno) }
            return
        }
        try sync(parent(of: path))
    }

    /// Makes the names in a folder durable.
    static func sync(_ path: String) throws(RegistryError) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", path, errno: errno) }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system("sync", path, errno: errno) }
    }

    /// The folder that a path lies in.
    static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Whether anything has this name.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// The permissions of a file or folder; `nil` if there is none.
    static func mode(_ path: String) -> UInt32? {
        status(path).map { $0.st_mode & 0o777 }
    }

    /// Whether this is a file, and no link to one.
    static func isFile(_ path: String) -> Bool {
        status(path).map { $0.st_mode & S_IFMT == S_IFREG } ?? false
    }

    /// Whether this is a folder, and no link to one.
    static func isFolder(_ path: String) -> Bool {
        status(path).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return unsafe lstat(path, &status) == 0 ? status : nil
    }

    /// Gives a file a new name that must be free. A crash in between leaves both names, of the
    /// same bytes.
    static func renameNew(_ path: String, to new: String) throws(RegistryError) {
        try addName(path, new)
        try remove(path)
    }

    /// Gives a file a second name, which must be free.
    static func addName(_ path: String, _ new: String) throws(RegistryError) {
        guard unsafe link(path, new) == 0 else {
            throw .system("link to \(new)", path, errno: errno)
        }
    }

    /// Gives a file a name that may be taken, atomically.
    static func replace(_ path: String, to new: String) throws(RegistryError) {
        guard unsafe rename(path, new) == 0 else {
            throw .system("rename to \(new)", path, errno: errno)
        }
    }

    /// Takes a file's name away; one that is not there is fine.
    static func remove(_ path: String) throws(RegistryError) {
        guard unsafe unlink(path) == 0 || errno == ENOENT else {
            throw .system("remove", path, errno: errno)
        }
    }

    /// Removes a folder and the files in it; one that is not there is fine.
    static func removeFlat(_ path: String) throws(RegistryError) {
        guard exists(path) else { return }
        for name in try names(in: path) {
            try remove(path + "/" + name)
        }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else {
            throw .system("remove", path, errno: errno)
        }
    }

    /// The names in a folder, in no order.
    static func names(in path: String) throws(RegistryError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw .system("list", path, errno: errno) }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Replaces a small file as a whole, durably: a reader sees the old content or the new.
    ///
    /// - Parameter beforeRename: Called when the new content is synced and not yet in place.
    static func replaceFile(
        _ path: String,
        with text: String,
        beforeRename: () throws -> Void = {}
    ) throws {
        let temporary = path + ".new"
        try remove(temporary)
        let file = try StoreFile(creating: temporary)
        try Array(text.utf8).withRawBytes { bytes throws(RegistryError) in
            try file.write(bytes, at: 0)
        }
        try file.sync()
        try file.close()
        try beforeRename()
        try replace(temporary, to: path)
        try sync(parent(of: path))
    }

    /// The text of a small file; `nil` if there is none.
    static func readText(_ path: String, maxBytes: Int) throws -> String? {
        guard let file = try StoreFile.reading(path) else { return nil }
        let count = try file.byteCount()
        guard count <= UInt64(maxBytes) else {
            throw RegistryError(
                .unavailable,
                "a file of the store is too long",
                detail: "\(path): \(count) bytes, expected at most \(maxBytes)"
            )
        }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        try bytes.withMutableRawBytes { bytes throws(RegistryError) in
            try file.read(into: &bytes, at: 0)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
