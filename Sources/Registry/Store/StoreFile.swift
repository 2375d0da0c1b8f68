internal import Glibc
internal import Platform
internal import Sealing

/// One open file of the store. Symbolic links, FIFOs and devices are refused: the store makes
/// none. Opening a file never waits.
struct StoreFile: ~Copyable {
    /// -1 once closed.
    private var descriptor: Int32
    /// For the operator's log alone.
    private let path: String
    private let files: any FileCalls

    private static let flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY

    /// Creates a file that must not exist, readable and writable for its owner only.
    init(creating path: String, _ files: any FileCalls) throws(RegistryError) {
        self = try StoreFile.opened(path, flags: O_RDWR | O_CREAT | O_EXCL, files)
    }

    /// Opens a file that exists for more writing.
    init(writing path: String, _ files: any FileCalls) throws(RegistryError) {
        self = try StoreFile.opened(path, flags: O_RDWR, files)
    }

    /// Opens a file for writing, which is created empty if there is none.
    init(openingOrCreating path: String, _ files: any FileCalls) throws(RegistryError) {
        self = try StoreFile.opened(path, flags: O_RDWR | O_CREAT, files)
    }

    /// Opens a file for reading; `nil` if there is none.
    ///
    /// - Parameter followsLinks: For a file of the key folder, which may be a mounted secret.
    static func reading(
        _ path: String,
        followsLinks: Bool = false,
        _ files: any FileCalls
    ) throws(RegistryError) -> StoreFile? {
        let flags = followsLinks ? flags & ~O_NOFOLLOW : flags
        let descriptor: Int32
        do {
            descriptor = try files.open(path, flags: O_RDONLY | flags, mode: 0)
        } catch {
            if error.errno == ENOENT { return nil }
            throw .system("open", path, error)
        }
        let file = StoreFile(descriptor: descriptor, path: path, files)
        try file.checkKind()
        return file
    }

    private static func opened(
        _ path: String,
        flags: Int32,
        _ files: any FileCalls
    ) throws(RegistryError) -> StoreFile {
        let descriptor: Int32
        do {
            descriptor = try files.open(path, flags: flags | Self.flags, mode: 0o600)
        } catch {
            throw .system("open", path, error)
        }
        let file = StoreFile(descriptor: descriptor, path: path, files)
        try file.checkKind()
        return file
    }

    private init(descriptor: Int32, path: String, _ files: any FileCalls) {
        self.descriptor = descriptor
        self.path = path
        self.files = files
    }

    deinit {
        if descriptor >= 0 { try? files.close(descriptor) }
    }

    /// The file's length.
    borrowing func byteCount() throws(RegistryError) -> UInt64 {
        try status().byteCount
    }

    private borrowing func status() throws(RegistryError) -> FileStatus {
        do {
            return try files.status(descriptor)
        } catch {
            throw .system("read the status of", path, error)
        }
    }

    private borrowing func checkKind() throws(RegistryError) {
        let kind = try status().kind
        guard kind != .file else { return }
        throw RegistryError(
            .internalFailure,
            "the registry's store failed",
            detail: "\(path) is \(kind.rawValue); expected a regular file"
        )
    }

    /// Writes all of `bytes` at `offset`.
    borrowing func write(_ bytes: RawSpan, at offset: UInt64) throws(RegistryError) {
        var done = 0
        while done < bytes.byteCount {
            do {
                done += try files.write(
                    descriptor,
                    bytes.extracting(done..<bytes.byteCount),
                    at: offset + UInt64(done)
                )
            } catch {
                guard error.errno == EINTR else { throw .system("write", path, error) }
            }
        }
    }

    /// Fills `bytes` from `offset`. A file that ends before is `dataLoss`.
    borrowing func read(
        into bytes: inout MutableRawSpan,
        at offset: UInt64
    ) throws(RegistryError) {
        var done = 0
        while done < bytes.byteCount {
            let count: Int
            do {
                count = try files.read(
                    descriptor,
                    into: &bytes,
                    from: done,
                    at: offset + UInt64(done)
                )
            } catch {
                guard error.errno == EINTR else { throw .system("read", path, error) }
                continue
            }
            guard count > 0 else {
                throw RegistryError(
                    .dataLoss,
                    "a stored file is shorter than it must be",
                    detail: "\(path) ends before byte \(offset + UInt64(bytes.byteCount))"
                )
            }
            done += count
        }
    }

    /// Makes what was written durable. Never call it again after it failed: the kernel has
    /// marked the pages clean and the second call would succeed over lost bytes.
    borrowing func sync() throws(RegistryError) {
        do {
            try files.sync(descriptor)
        } catch {
            throw .system("sync", path, error)
        }
    }

    /// Closes the file, and says so if that failed.
    consuming func close() throws(RegistryError) {
        let open = descriptor
        descriptor = -1
        do {
            try files.close(open)
        } catch {
            throw .system("close", path, error)
        }
    }

    /// Takes the one exclusive lock on the file, without waiting; false if another holds it.
    borrowing func tryLock() throws(RegistryError) -> Bool {
        do {
            try files.lock(descriptor, LOCK_EX | LOCK_NB)
            return true
        } catch {
            guard error.errno == EWOULDBLOCK else { throw .system("lock", path, error) }
            return false
        }
    }

    /// Takes a lock on the file, shared or alone, and waits for it.
    borrowing func lock(isShared: Bool) throws(RegistryError) {
        while true {
            do {
                return try files.lock(descriptor, isShared ? LOCK_SH : LOCK_EX)
            } catch {
                guard error.errno == EINTR else { throw .system("lock", path, error) }
            }
        }
    }

    /// Gives the lock back, for all that share this open file.
    borrowing func unlock() {
        try? files.lock(descriptor, LOCK_UN)
    }
}

extension RegistryError {
    /// A failed call to the system. The caller hears that the store failed, or that it is full;
    /// the operator hears which file and why.
    static func system(
        _ action: String,
        _ path: String,
        _ error: FileCallError
    ) -> RegistryError {
        let detail = "cannot \(action) \(path): \(text(ofErrno: error.errno))"
        switch error.errno {
        case ENOSPC, EDQUOT, EFBIG:
            return RegistryError(
                .resourceExhausted,
                "the registry's store has no room left",
                detail: detail
            )
        case EMFILE, ENFILE:
            return RegistryError(
                .resourceExhausted,
                "the server has no file descriptors left",
                detail: detail
            )
        default:
            return RegistryError(
                .internalFailure,
                "the registry's store failed",
                detail: detail
            )
        }
    }

    private static func text(ofErrno number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else {
            return "errno \(number)"
        }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
