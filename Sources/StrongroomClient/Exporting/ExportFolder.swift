internal import Glibc
internal import Text
internal import Wire

/// A folder that appears whole or not at all: it is built beside its place, under another name,
/// and renamed when all of it is durable. Links are never followed inside it.
final class ExportFolder {
    private let path: String
    private let aside: String
    /// The folder ``aside``; what is made in it is made through this.
    private let root: Int32
    private var folders: [String] = []
    private var files: [String] = []
    private var isDone = false

    /// Makes the folder aside.
    /// - Throws: ``StrongroomError`` `FAILED_PRECONDITION` when something other than an empty folder
    ///   is at `path`, or nothing can be made beside it.
    init(_ path: String) throws {
        var trimmed = path
        while trimmed.utf8.count > 1, trimmed.utf8.last == UInt8(ascii: "/") {
            trimmed.removeLast()
        }
        self.path = trimmed
        try Self.checkFree(trimmed)
        // In the same folder, so that it can be renamed.
        let end = trimmed.utf8.lastIndex(of: UInt8(ascii: "/")).map {
            trimmed.utf8.index(after: $0)
        }
        let start = end ?? trimmed.startIndex
        let pattern = "\(trimmed[..<start]).\(trimmed[start...]).export-XXXXXX"
        var name = Array(pattern.utf8CString)
        guard unsafe mkdtemp(&name) != nil else { throw Self.failure(trimmed, "made") }
        aside = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        root = unsafe open(aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard root >= 0 else {
            let error = Self.failure(trimmed, "made")
            unsafe rmdir(aside)
            throw error
        }
    }

    deinit {
        discard()
        close(root)
    }

    /// Begins a file.
    /// - Parameter path: relative, and checked by ``ExportPath``.
    /// - Throws: ``StrongroomError`` `FAILED_PRECONDITION` when it cannot be made, also when it is
    ///   there already.
    func create(_ path: ExactString) throws -> ExportFile {
        let components = path.split(at: "/").map(\.text)
        var folder = dup(root)
        defer { close(folder) }
        for (depth, name) in components.dropLast().enumerated() {
            let inside = components[...depth].joined(separator: "/")
            if unsafe mkdirat(folder, name, 0o700) == 0 {
                folders.append(inside)
            } else if errno != EEXIST {
                throw Self.failure(inside, "made")
            }
            let next = unsafe openat(
                folder,
                name,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            )
            guard next >= 0 else { throw Self.failure(inside, "made") }
            close(folder)
            folder = next
        }
        let file = unsafe openat(
            folder,
            components.last ?? "",
            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
            0o600
        )
        guard file >= 0 else { throw Self.failure(path.text, "made") }
        files.append(path.text)
        return ExportFile(descriptor: file, path: path.text)
    }

    /// Makes all that was written durable, and the folder appear in its place.
    /// - Throws: ``StrongroomError`` `FAILED_PRECONDITION` when something else is there by now.
    func finish() throws {
        for folder in folders {
            let opened = unsafe openat(
                root,
                folder,
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            )
            guard opened >= 0 else { throw Self.failure(folder, "written") }
            defer { close(opened) }
            guard fsync(opened) == 0 else { throw Self.failure(folder, "written") }
        }
        guard fsync(root) == 0 else { throw Self.failure(path, "written") }
        // An empty folder is replaced; anything else is not.
        guard unsafe rename(aside, path) == 0 else { throw Self.failure(path, "made") }
        isDone = true
        let parent = unsafe openat(root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { return }
        defer { close(parent) }
        // The files are where they belong, and whole; only a crash of the machine could still
        // take the folder's name away.
        _ = fsync(parent)
    }

    /// Removes what was written, unless it was finished.
    func discard() {
        guard !isDone else { return }
        isDone = true
        for file in files { unsafe unlinkat(root, file, 0) }
        for folder in folders.reversed() { unsafe unlinkat(root, folder, AT_REMOVEDIR) }
        unsafe rmdir(aside)
    }

    private static func checkFree(_ path: String) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw failure(path, "made") }
            return
        }
        guard status.st_mode & S_IFMT == S_IFDIR, isEmpty(path) else {
            throw StrongroomError(
                .failedPrecondition,
                "\(path) exists, expected an empty folder or none"
            )
        }
    }

    private static func isEmpty(_ folder: String) -> Bool {
        guard let stream = unsafe opendir(folder) else { return false }
        defer { unsafe closedir(stream) }
        var entries = 0
        while unsafe readdir(stream) != nil { entries += 1 }
        // The folder itself, and the one above.
        return entries <= 2
    }

    fileprivate static func failure(_ path: String, _ what: String) -> StrongroomError {
        StrongroomError(
            .failedPrecondition,
            "\(path) cannot be \(what): \(unsafe String(cString: strerror(errno)))"
        )
    }
}

/// One file of an ``ExportFolder`` while it is written.
final class ExportFile {
    private let descriptor: Int32
    private let path: String

    fileprivate init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        close(descriptor)
    }

    /// Appends bytes.
    func write(_ bytes: RawSpan) throws {
        let isWritten = unsafe bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = unsafe Glibc.write(
                    descriptor,
                    bytes.baseAddress?.advanced(by: offset),
                    bytes.count - offset
                )
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                offset += count
            }
            return true
        }
        guard isWritten else { throw ExportFolder.failure(path, "written") }
    }

    /// Makes the file durable.
    func finish() throws {
        guard fsync(descriptor) == 0 else { throw ExportFolder.failure(path, "written") }
    }
}
