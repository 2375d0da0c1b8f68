internal import Glibc

/// One open file descriptor, closed with its owner.
struct OpenFile: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// Opens a file or folder for reading; `missing` is the error's code if there is none.
    /// Never waits, as opening a pipe would.
    init(reading path: String, missing: SealingError.Code) throws(SealingError) {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else {
            let number = errno
            throw .system(
                number == ENOENT ? missing : .keyAccess,
                "cannot open \(path)",
                errno: number
            )
        }
        self.descriptor = descriptor
        self.path = path
    }

    /// Creates a file that must not exist, with exactly this mode whatever the umask is.
    init(creating path: String, mode: mode_t) throws(SealingError) {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let descriptor = unsafe open(path, flags, 0o600)
        guard descriptor >= 0 else {
            throw .system(.keyAccess, "cannot create \(path)", errno: errno)
        }
        guard fchmod(descriptor, mode) == 0 else {
            let number = errno
            close(descriptor)
            throw .system(.keyAccess, "cannot set the mode of \(path)", errno: number)
        }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    /// The status of the file.
    ///
    /// - Throws: `keyAccess`, also for what is not a regular file.
    func status() throws(SealingError) -> stat {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system(.keyAccess, "cannot read the status of \(path)", errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SealingError(.keyAccess, "\(path) is not a regular file")
        }
        return status
    }

    /// Fills `bytes`; fewer in the file is a `keyAccess` error.
    func readAll(into bytes: inout MutableRawSpan) throws(SealingError) {
        let failure = unsafe bytes.withUnsafeMutableBytes { buffer -> SealingError? in
            guard let start = buffer.baseAddress else { return nil }
            var done = 0
            while done < buffer.count {
                let count = unsafe read(descriptor, start + done, buffer.count - done)
                if count > 0 {
                    done += count
                } else if count == 0 {
                    return SealingError(.keyAccess, "\(path) became shorter while it was read")
                } else if errno != EINTR {
                    return .system(.keyAccess, "cannot read \(path)", errno: errno)
                }
            }
            return nil
        }
        if let failure { throw failure }
    }

    /// Writes all of `bytes`.
    func writeAll(_ bytes: RawSpan) throws(SealingError) {
        let failure = unsafe bytes.withUnsafeBytes { buffer -> SealingError? in
            guard let start = buffer.baseAddress else { return nil }
            var done = 0
            while done < buffer.count {
                let count = unsafe write(descriptor, start + done, buffer.count - done)
                if count >= 0 {
                    done += count
                } else if errno != EINTR {
                    return .system(.keyAccess, "cannot write \(path)", errno: errno)
                }
            }
            return nil
        }
        if let failure { throw failure }
    }

    /// Makes what was written durable. A failure is final: the kernel may have dropped the data.
    func sync() throws(SealingError) {
        guard fsync(descriptor) == 0 else {
            throw .system(.keyAccess, "cannot sync \(path)", errno: errno)
        }
    }
}
