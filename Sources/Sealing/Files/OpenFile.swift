internal import Glibc
internal import Platform

/// One open file descriptor, closed with its owner.
struct OpenFile: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private let calls: any FileCalls

    /// Opens a file or folder for reading; `missing` is the error's code if there is none.
    /// Never waits, as opening a pipe would.
    init(
        reading path: String,
        missing: SealingError.Code,
        _ calls: any FileCalls
    ) throws(SealingError) {
        do {
            let flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
            descriptor = try calls.open(path, flags: flags, mode: 0)
        } catch {
            throw .file("cannot open \(path)", error, missing: missing)
        }
        self.path = path
        self.calls = calls
    }

    /// Creates a file that must not exist, with exactly this mode whatever the umask is.
    init(creating path: String, mode: UInt32, _ calls: any FileCalls) throws(SealingError) {
        let created: Int32
        do {
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            created = try calls.open(path, flags: flags, mode: 0o600)
        } catch {
            throw .file("cannot create \(path)", error)
        }
        do {
            try calls.setMode(created, mode)
        } catch {
            try? calls.close(created)
            throw .file("cannot set the mode of \(path)", error)
        }
        descriptor = created
        self.path = path
        self.calls = calls
    }

    deinit { try? calls.close(descriptor) }

    /// Judges the file in its role, and returns its status.
    ///
    /// - Throws: `keyAccess`, also for a file whose kind, owner or mode the rules refuse.
    func status(as role: FileRole) throws(SealingError) -> FileStatus {
        let status: FileStatus
        do {
            status = try calls.status(descriptor)
        } catch {
            throw .file("cannot read the status of \(path)", error)
        }
        do {
            try calls.trust.check(status, path, role)
        } catch {
            throw SealingError(.keyAccess, "\(error)")
        }
        return status
    }

    /// Fills `bytes`; fewer in the file is a `keyAccess` error.
    func readAll(into bytes: inout MutableRawSpan) throws(SealingError) {
        var done = 0
        while done < bytes.byteCount {
            let count: Int
            do {
                count = try calls.read(descriptor, into: &bytes, from: done, at: UInt64(done))
            } catch {
                if error.errno == EINTR { continue }
                throw .file("cannot read \(path)", error)
            }
            guard count > 0 else {
                throw SealingError(.keyAccess, "\(path) became shorter while it was read")
            }
            done += count
        }
    }

    /// Writes all of `bytes`.
    func writeAll(_ bytes: RawSpan) throws(SealingError) {
        var done = 0
        while done < bytes.byteCount {
            do {
                let rest = bytes.extracting(done..<bytes.byteCount)
                done += try calls.write(descriptor, rest, at: UInt64(done))
            } catch {
                guard error.errno == EINTR else { throw .file("cannot write \(path)", error) }
            }
        }
    }

    /// Makes what was written durable.
    ///
    /// - Throws: `limit` if there is no room; otherwise `notDurable`, which is final: the kernel
    ///   may have dropped what it had taken, and a second try would succeed over it.
    func sync() throws(SealingError) {
        do {
            try calls.sync(descriptor)
        } catch {
            throw .file("cannot sync \(path)", error, otherwise: .notDurable)
        }
    }
}

extension SealingError {
    /// A call to the system that failed: `limit` where room or descriptors are used up.
    ///
    /// - Parameters:
    ///   - missing: The code if there is no such file.
    ///   - otherwise: The code of all else.
    static func file(
        _ message: String,
        _ error: FileCallError,
        missing: Code? = nil,
        otherwise: Code = .keyAccess
    ) -> SealingError {
        let code =
            switch error.errno {
            case ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE: Code.limit
            case ENOENT: missing ?? otherwise
            default: otherwise
            }
        return .system(code, message, errno: error.errno)
    }
}
