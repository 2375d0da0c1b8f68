internal import Glibc
internal import Sealing

/// What the store does to folders and names.
struct StoreFolder: Sendable {
    /// Works with the system's calls: for what lies outside the store.
    static let system = StoreFolder(SystemCalls())

    private let files: any FileCalls

    /// Works with these calls.
    init(_ files: any FileCalls) {
        self.files = files
    }

    /// The folder that a path lies in.
    static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Makes a folder for its owner only; one that is there already is fine. Its name is not
    /// durable yet.
    func make(_ path: String) throws(RegistryError) {
        do {
            try files.makeFolder(path, mode: 0o700)
        } catch {
            guard error.errno == EEXIST else { throw .system("make", path, error) }
        }
    }

    /// Makes a folder for its owner only; its name is durable when this returns, also if it was
    /// there already.
    func makeDurable(_ path: String) throws(RegistryError) {
        try make(path)
        try sync(StoreFolder.parent(of: path))
    }

    /// Makes the names in a folder durable.
    func sync(_ path: String) throws(RegistryError) {
        do {
            let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
            let descriptor = try files.open(path, flags: flags, mode: 0)
            defer { try? files.close(descriptor) }
            try files.sync(descriptor)
        } catch {
            throw .system("sync", path, error)
        }
    }

    /// Whether anything has this name.
    func exists(_ path: String) throws(RegistryError) -> Bool {
        do {
            try files.look(at: path)
            return true
        } catch {
            guard error.errno == ENOENT || error.errno == ENOTDIR else {
                throw .system("look at", path, error)
            }
            return false
        }
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
    func renameNew(_ path: String, to new: String) throws(RegistryError) {
        try addName(path, new)
        try remove(path)
    }

    /// Gives a file a second name, which must be free.
    func addName(_ path: String, _ new: String) throws(RegistryError) {
        do {
            try files.link(path, to: new)
        } catch {
            throw .system("link to \(new)", path, error)
        }
    }

    /// Gives a file a name that may be taken, atomically.
    func replace(_ path: String, to new: String) throws(RegistryError) {
        do {
            try files.rename(path, to: new)
        } catch {
            throw .system("rename to \(new)", path, error)
        }
    }

    /// Takes a file's name away; one that is not there is fine.
    func remove(_ path: String) throws(RegistryError) {
        do {
            try files.unlink(path)
        } catch {
            guard error.errno == ENOENT else { throw .system("remove", path, error) }
        }
    }

    /// Removes a folder and the files in it; one that is not there is fine. A symbolic link is
    /// removed itself, and not what it leads to.
    func removeFlat(_ path: String) throws(RegistryError) {
        guard StoreFolder.isFolder(path) else { return try remove(path) }
        for name in try names(in: path) {
            try remove(path + "/" + name)
        }
        do {
            try files.removeFolder(path)
        } catch {
            guard error.errno == ENOENT else { throw .system("remove", path, error) }
        }
    }

    /// The names in a folder, in no order.
    func names(in path: String) throws(RegistryError) -> [String] {
        do {
            return try files.names(in: path)
        } catch {
            throw .system("list", path, error)
        }
    }

    /// Replaces a small file as a whole, durably: a reader sees the old content or the new.
    func replaceFile(_ path: String, with text: String) throws {
        try prepareFile(path, with: text)
        try takeFile(path)
    }

    /// Writes a small file's next content beside it, durably; it takes its place with
    /// ``takeFile(_:)``.
    func prepareFile(_ path: String, with text: String) throws {
        let next = StoreFolder.next(path)
        try remove(next)
        let file = try StoreFile(creating: next, files)
        try Array(text.utf8).withRawBytes { bytes throws(RegistryError) in
            try file.write(bytes, at: 0)
        }
        try file.sync()
        try file.close()
    }

    /// Puts a small file's next content in the place of the present one, durably.
    func takeFile(_ path: String) throws {
        try replace(StoreFolder.next(path), to: path)
        try sync(StoreFolder.parent(of: path))
    }

    /// Drops a small file's next content, if there is any.
    func dropFile(_ path: String) throws {
        try remove(StoreFolder.next(path))
    }

    private static func next(_ path: String) -> String { path + ".new" }

    /// The text of a small file; `nil` if there is none.
    func readText(
        _ path: String,
        maxBytes: Int,
        followsLinks: Bool = false
    ) throws -> String? {
        guard let file = try StoreFile.reading(path, followsLinks: followsLinks, files) else {
            return nil
        }
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
