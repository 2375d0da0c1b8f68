internal import Glibc

/// One open file of the store. Symbolic links are refused: the store makes none.
struct StoreFile: ~Copyable {
    /// -1 once closed.
    private var descriptor: Int32
    /// For the operator's log alone.
    private let path: String

    /// Creates a file that must not exist, readable and writable for its owner only.
    init(creating path: String) throws(RegistryError) {
        try self.init(path, flags: O_RDWR | O_CREAT | O_EXCL)
    }

    /// Opens a file that exists for more writing.
    init(writing path: String) throws(RegistryError) {
        try self.init(path, flags: O_RDWR)
    }

    /// Opens a file for writing, which is created empty if there is none.
    init(openingOrCreating path: String) throws(RegistryError) {
        try self.init(path, flags: O_RDWR | O_CREAT)
    }

    /// Opens a file for reading; `nil` if there is none.
    static func reading(_ path: String) throws(RegistryError) -> StoreFile? {
        let descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor >= 0 { return StoreFile(descriptor: descriptor, path: path) }
        let number = errno
        if number == ENOENT { return nil }
        throw .system("open", path, errno: number)
    }

    private init(_ path: String, flags: Int32) throws(RegistryError) {
        let descriptor = unsafe open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("open", path, errno: errno) }
        self.descriptor = descriptor
        self.path = path
    }

    private init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
    }

    /// The file's length.
    borrowing func byteCount() throws(RegistryError) -> UInt64 {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system("read the status of", path, errno: errno)
        }
        return UInt64(status.st_size)
    }

    /// Writes all of `bytes` at `offset`.
    borrowing func write(_ bytes: RawSpan, at offset: UInt64) throws(RegistryError) {
        let failure = unsafe bytes.withUnsafeBytes { buffer -> Int32? in
            var done = 0
            while done < buffer.count, let start = buffer.baseAddress {
                let count = unsafe pwrite(
                    descriptor,
                    start + done,
                    buffer.count - done,
                    off_t(offset) + off_t(done)
                )
                if count >= 0 {
                    done += count
                } else if errno != EINTR {
                    return errno
                }
            }
            return nil
        }
        if let failure { throw .system("write", path, errno: failure) }
    }

    /// Fills `bytes` from `offset`. A file that ends before is `dataLoss`.
    borrowing func read(
        into bytes: inout MutableRawSpan,
        at offset: UInt64
    ) throws(RegistryError) {
        var isShort = false
        let failure = unsafe bytes.withUnsafeMutableBytes { buffer -> Int32? in
            var done = 0
            while done < buffer.count, let start = buffer.baseAddress {
                let count = unsafe pread(
                    descriptor,
                    start + done,
                    buffer.count - done,
                    off_t(offset) + off_t(done)
                )
                if count > 0 {
                    done += count
                } else if count == 0 {
                    isShort = true
                    return nil
                } else if errno != EINTR {
                    return errno
                }
            }
            return nil
        }
        if let failure { throw .system("read", path, errno: failure) }
        if isShort {
            throw RegistryError(
                .dataLoss,
                "a stored file is shorter than it must be",
                detail: "\(path) ends before byte \(offset + UInt64(bytes.byteCount))"
            )
        }
    }

    /// Makes what was written durable. Never call it again after it failed: the kernel has
    /// marked the pages clean and the second call would succeed over lost bytes.
    borrowing func sync() throws(RegistryError) {
        guard fsync(descriptor) == 0 else { throw .system("sync", path, errno: errno) }
    }

    /// Closes the file, and says so if that failed.
    consuming func close() throws(RegistryError) {
        let result = Glibc.close(descriptor)
        let number = errno
        descriptor = -1
        guard result == 0 else { throw .system("close", path, errno: number) }
    }

    /// Takes the one exclusive lock on the file, without waiting; false if another holds it.
    borrowing func tryLock() throws(RegistryError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { throw .system("lock", path, errno: errno) }
        return false
    }

    /// Takes a lock on the file, shared or alone, and waits for it.
    borrowing func lock(isShared: Bool) throws(RegistryError) {
        while flock(descriptor, isShared ? LOCK_SH : LOCK_EX) != 0 {
            guard errno == EINTR else { throw .system("lock", path, errno: errno) }
        }
    }

    /// Gives the lock back, for all that share this open file.
    borrowing func unlock() {
        _ = flock(descriptor, LOCK_UN)
    }
}

extension RegistryError {
    /// A failed call to the system. The caller hears that the store failed, or that it is full;
    /// the operator hears which file and why.
    static func system(_ action: String, _ path: String, errno number: Int32) -> RegistryError {
        let detail = "cannot \(action) \(path): \(text(ofErrno: number))"
        switch number {
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
