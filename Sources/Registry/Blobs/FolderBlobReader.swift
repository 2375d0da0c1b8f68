/// Reads one finished blob.
final class FolderBlobReader: BlobReader {
    let byteCount: UInt64
    private let file: StoreFile

    init(_ file: consuming StoreFile) throws {
        byteCount = try file.byteCount()
        self.file = file
    }

    func read(into bytes: inout MutableRawSpan, at offset: UInt64) throws {
        try file.read(into: &bytes, at: offset)
    }
}
