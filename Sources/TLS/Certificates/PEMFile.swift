internal import COpenSSL
internal import Glibc
internal import Platform

/// Reads certificates and keys from PEM files, with limits on size, count and access.
enum PEMFile {
    /// All certificates of a file, in its order: at least one.
    static func certificates(
        path: String,
        trust: FileTrust
    ) throws(TLSError) -> [Certificate] {
        try unsafe withFile(path, as: .trusted, trust) { (bio) throws(TLSError) in
            try readAll(path, of: "certificate") { () throws(TLSError) in
                let raw = unsafe PEM_read_bio_X509(bio, nil, refusePassphrase, nil)
                return unsafe raw.map { unsafe Certificate(adopting: $0) }
            }
        }
    }

    /// All revocation lists of a file: at least one.
    static func revocationLists(
        path: String,
        trust: FileTrust
    ) throws(TLSError) -> [RevocationList] {
        try unsafe withFile(path, as: .trusted, trust) { (bio) throws(TLSError) in
            try readAll(path, of: "revocation list") { () throws(TLSError) in
                let raw = unsafe PEM_read_bio_X509_CRL(bio, nil, refusePassphrase, nil)
                return unsafe raw.map { unsafe RevocationList(adopting: $0) }
            }
        }
    }

    /// The private key of a file, which is judged as a key.
    static func privateKey(
        path: String,
        trust: FileTrust
    ) throws(TLSError) -> PrivateKey {
        try unsafe withFile(path, as: .key, trust) { (bio) throws(TLSError) in
            guard let raw = unsafe PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, nil) else {
                let reason = OpenSSLErrorQueue.drainReason()
                throw TLSError(
                    .key,
                    "\(path): not an unencrypted private key in PEM (\(reason))"
                )
            }
            return unsafe PrivateKey(adopting: raw)
        }
    }

    /// Reads blocks until there is none left.
    private static func readAll<Item>(
        _ path: String,
        of kind: String,
        next: () throws(TLSError) -> Item?
    ) throws(TLSError) -> [Item] {
        var items: [Item] = []
        while let item = try next() {
            items.append(item)
            guard items.count <= TLSLimits.maxItemsPerFile else {
                throw TLSError(
                    .certificate,
                    "\(path): more than \(TLSLimits.maxItemsPerFile) PEM blocks"
                )
            }
        }
        // The reader ends with "no start line" at the end of the file; anything else is a
        // damaged block, which must not pass for the end.
        guard ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE else {
            throw TLSError(
                .certificate,
                "\(path): damaged \(kind): \(OpenSSLErrorQueue.drainReason())"
            )
        }
        OpenSSLErrorQueue.clear()
        guard !items.isEmpty else {
            throw TLSError(.certificate, "\(path): no \(kind) in PEM in it")
        }
        return items
    }

    /// Opens, checks what was opened (not what the name may mean a moment later), and lends it.
    private static func withFile<R>(
        _ path: String,
        as role: FileRole,
        _ trust: FileTrust,
        _ body: (OpaquePointer) throws(TLSError) -> R
    ) throws(TLSError) -> R {
        // O_NONBLOCK: a FIFO of that name must not hang the start.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            throw TLSError(.file, "\(path): cannot be opened: \(systemErrorText())")
        }
        defer { close(descriptor) }
        let byteCount = try checkAccess(descriptor, path: path, role, trust)
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(byteCount, 1),
            alignment: 1
        )
        defer {
            unsafe OPENSSL_cleanse(bytes.baseAddress, bytes.count)
            unsafe bytes.deallocate()
        }
        var filled = 0
        while filled < byteCount {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<byteCount])
            let count = unsafe read(descriptor, rest.baseAddress, rest.count)
            guard count > 0 else {
                let reason = count == 0 ? "shorter than its size" : systemErrorText()
                throw TLSError(.file, "\(path): cannot be read: \(reason)")
            }
            filled += count
        }
        OpenSSLErrorQueue.clear()
        guard let bio = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(filled)) else {
            throw TLSError(.internalFailure, "no memory to read \(path)")
        }
        defer { unsafe BIO_free_all(bio) }
        return try unsafe body(bio)
    }

    /// Refuses a file that is too large, or whose kind, owner or mode the rules refuse.
    ///
    /// - Returns: the file's size in bytes.
    private static func checkAccess(
        _ descriptor: Int32,
        path: String,
        _ role: FileRole,
        _ trust: FileTrust
    ) throws(TLSError) -> Int {
        guard let status = FileStatus(descriptor: descriptor) else {
            throw TLSError(.file, "\(path): \(systemErrorText())")
        }
        do {
            try trust.check(status, path, role)
        } catch {
            throw TLSError(error.kind == .kind ? .file : .permissions, "\(error)")
        }
        guard status.byteCount <= TLSLimits.maxFileBytes else {
            throw TLSError(
                .file,
                "\(path): \(status.byteCount) bytes, at most \(TLSLimits.maxFileBytes)"
            )
        }
        return Int(status.byteCount)
    }
}

/// Answers "no passphrase": without it OpenSSL asks on the terminal.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?,
    _: Int32,
    _: Int32,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    -1
}

/// The text of `errno`.
private func systemErrorText() -> String {
    let code = errno
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
}
