internal import Sealing

/// The length and the SHA-256 of a file, read or copied in pieces of a fixed size.
struct FileDigest: Equatable, Sendable {
    /// Bytes that are in memory at once.
    private static let pieceBytes = 1 << 20

    let byteCount: UInt64
    let sha256: [UInt8]

    /// Reads a file; `nil` if there is none.
    ///
    /// - Parameter progress: Called with the bytes of each piece.
    init?(of path: String, progress: (UInt64) -> Void = { _ in }) throws {
        guard let file = try StoreFile.reading(path, SystemCalls()) else { return nil }
        try self.init(file, each: { piece, _ in progress(UInt64(piece.byteCount)) })
    }

    /// Copies a file to a new one, which is durable when this returns, but for its name; `nil`
    /// if there is no such file.
    init?(
        copying path: String,
        to target: String,
        progress: (UInt64) -> Void = { _ in }
    ) throws {
        guard let file = try StoreFile.reading(path, SystemCalls()) else { return nil }
        let copy = try StoreFile(creating: target, SystemCalls())
        try self.init(
            file,
            each: { piece, offset in
                try copy.write(piece, at: offset)
                progress(UInt64(piece.byteCount))
            }
        )
        try copy.sync()
        try copy.close()
    }

    private init(
        _ file: consuming StoreFile,
        each: (RawSpan, UInt64) throws -> Void
    ) throws {
        let count = try file.byteCount()
        let hasher = SHA256Hasher()
        var piece = [UInt8](
            repeating: 0,
            count: Int(min(UInt64(FileDigest.pieceBytes), max(count, 1)))
        )
        var offset: UInt64 = 0
        while offset < count {
            let length = Int(min(UInt64(piece.count), count - offset))
            if piece.count != length { piece.removeLast(piece.count - length) }
            try piece.withMutableRawBytes { bytes throws(RegistryError) in
                try file.read(into: &bytes, at: offset)
            }
            try piece.withRawBytes { bytes in
                hasher.update(bytes)
                try each(bytes, offset)
            }
            offset += UInt64(length)
        }
        byteCount = count
        sha256 = hasher.finalize()
    }
}
