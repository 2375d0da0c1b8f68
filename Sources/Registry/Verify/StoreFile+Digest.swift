internal import Sealing

extension StoreFile {
    /// The SHA-256 of a whole file, read a chunk at a time; `nil` if there is none.
    static func digest(of path: String) throws -> [UInt8]? {
        guard let file = try StoreFile.reading(path, SystemCalls()) else { return nil }
        let byteCount = try file.byteCount()
        let hasher = SHA256Hasher()
        var buffer: [UInt8] = []
        var offset: UInt64 = 0
        while offset < byteCount {
            let count = Int(min(UInt64(Limits.chunkBytes), byteCount - offset))
            if buffer.count != count { buffer = [UInt8](repeating: 0, count: count) }
            try buffer.withMutableRawBytes { bytes in try file.read(into: &bytes, at: offset) }
            hasher.update(buffer)
            offset += UInt64(count)
        }
        return hasher.finalize()
    }
}
