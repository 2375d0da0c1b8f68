internal import Glibc
internal import NIOCore
internal import Sealing
internal import Text
internal import Wire

/// The files of a bundle, as they lie in a folder.
public struct ModelBundle: Sendable {
    /// One file and what the server is told of it.
    public struct File: Sendable, Equatable {
        /// Relative to the bundle, with `/` between folders.
        public let path: String
        /// In bytes.
        public let size: UInt64
        /// Of its bytes; 32 bytes.
        public let sha256: [UInt8]
        let location: String
    }

    /// Sorted by path.
    public let files: [File]

    /// Bytes of all files.
    public var size: UInt64 { files.reduce(0) { $0 + $1.size } }

    /// As many as a server takes.
    static let maxFiles = 10_000
    static let maxFolderDepth = 32
    /// The beginning of names that are skipped.
    private static let hiddenPrefix = ".."

    /// Reads a folder, or a single model file, and digests every file.
    ///
    /// Symbolic links to files are followed. Entries whose name begins with `..` are skipped: a
    /// Kubernetes volume keeps its generations there.
    ///
    /// - Throws: ``StrongroomError`` `INVALID_ARGUMENT` for a path that cannot be read or is neither
    ///   file nor folder, for a symbolic link to a folder, in a loop or to nothing, for a card under
    ///   another name than `model.yaml`, and for more than a server takes.
    public init(path: String) throws {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw Self.unreadable(path) }
        var found: [(path: String, location: String)] = []
        switch status.st_mode & S_IFMT {
        case S_IFDIR: try Self.collect(path, prefix: "", depth: 0, into: &found)
        case S_IFREG: found = [(Self.name(of: path), path)]
        default: throw StrongroomError(.invalidArgument, "\(path) is neither a file nor a folder")
        }
        guard !found.isEmpty else {
            throw StrongroomError(.invalidArgument, "\(path) has no files in it")
        }
        if let mistaken = CardFileName.mistaken(among: found.lazy.map { ExactString($0.path) }) {
            throw StrongroomError(.invalidArgument, CardFileName.refusal(of: mistaken))
        }
        found.sort { ExactString($0.path) < ExactString($1.path) }
        files = try found.map { try Self.describe($0.path, location: $0.location) }
    }

    private static func name(of path: String) -> String {
        ExactString(path).split(at: "/").last { !$0.isEmpty }?.text ?? ""
    }

    private static func collect(
        _ folder: String,
        prefix: String,
        depth: Int,
        into found: inout [(path: String, location: String)]
    ) throws {
        guard depth <= maxFolderDepth else {
            throw StrongroomError(.invalidArgument, "\(folder) is nested too deep")
        }
        guard let stream = unsafe opendir(folder) else { throw unreadable(folder) }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            guard name != ".", !name.utf8.starts(with: Self.hiddenPrefix.utf8) else { continue }
            let location = "\(folder)/\(name)"
            var status = stat()
            guard unsafe lstat(location, &status) == 0 else { throw unreadable(location) }
            if status.st_mode & S_IFMT == S_IFLNK {
                try follow(link: prefix + name, location, to: &status)
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                try collect(location, prefix: prefix + name + "/", depth: depth + 1, into: &found)
            case S_IFREG:
                found.append((prefix + name, location))
                guard found.count <= maxFiles else {
                    throw StrongroomError(.invalidArgument, "more than \(maxFiles) files")
                }
            default:
                throw StrongroomError(
                    .invalidArgument,
                    "\(location) is neither a file nor a folder"
                )
            }
        }
    }

    /// Finds what a symbolic link leads to, which has to be a file.
    private static func follow(link: String, _ location: String, to status: inout stat) throws {
        let problem: String
        if unsafe stat(location, &status) != 0 {
            problem =
                switch errno {
                case ELOOP: "in a loop"
                case ENOENT, ENOTDIR: "to nothing"
                default: "that cannot be followed: \(unsafe String(cString: strerror(errno)))"
                }
        } else if status.st_mode & S_IFMT == S_IFREG {
            return
        } else {
            problem = status.st_mode & S_IFMT == S_IFDIR ? "to a folder" : "to a special file"
        }
        throw StrongroomError(
            .invalidArgument,
            "\(quoted(link)) is a symbolic link \(problem): expected a file, a folder, or a "
                + "symbolic link to a file"
        )
    }

    private static func describe(_ path: String, location: String) throws -> File {
        let hasher = SHA256Hasher()
        let reader = try FileReader(location)
        var size: UInt64 = 0
        while true {
            let block = try reader.read(at: size, count: 1 << 20)
            guard block.readableBytes > 0 else { break }
            hasher.update(block.readableBytesSpan)
            size += UInt64(block.readableBytes)
        }
        return File(path: path, size: size, sha256: hasher.finalize(), location: location)
    }

    /// Tells this bundle with this metadata from any other: the default idempotency key.
    func digest(metadata: [ExactString: ExactString]) -> String {
        let hasher = SHA256Hasher()
        func add(_ bytes: [UInt8]) {
            hasher.update((0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (56 - 8 * $0)) })
            hasher.update(bytes)
        }
        for file in files {
            add(Array(file.path.utf8))
            add(file.sha256)
        }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            add(Array(key.utf8))
            add(Array(value.utf8))
        }
        return Hex.encode(hasher.finalize())
    }

    static func unreadable(_ path: String) -> StrongroomError {
        StrongroomError(
            .invalidArgument,
            "\(path) cannot be read: \(unsafe String(cString: strerror(errno)))"
        )
    }
}

/// Reads a file piece by piece.
final class FileReader: Sendable {
    private let descriptor: Int32
    private let path: String

    init(_ path: String) throws {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ModelBundle.unreadable(path) }
    }

    deinit {
        close(descriptor)
    }

    /// Up to `count` bytes; fewer only at the file's end.
    func read(at offset: UInt64, count: Int) throws -> ByteBuffer {
        var data = ByteBufferAllocator().buffer(capacity: count)
        while data.readableBytes < count {
            let wanted = count - data.readableBytes
            let position = off_t(offset) + off_t(data.readableBytes)
            var result = 0
            unsafe data.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                result = unsafe pread(descriptor, space.baseAddress, wanted, position)
                return max(result, 0)
            }
            guard result >= 0 else { throw ModelBundle.unreadable(path) }
            guard result > 0 else { break }
        }
        return data
    }
}
