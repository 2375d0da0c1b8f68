/// The byte order mark of UTF-8, which some editors write at the beginning of a text file.
package enum ByteOrderMark {
    /// The mark.
    package static let bytes: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// The bytes of a file without the mark that they may begin with.
    package static func removed(from file: [UInt8]) -> [UInt8] {
        file.starts(with: bytes) ? Array(file.dropFirst(bytes.count)) : file
    }

    /// As ``removed(from:)-([UInt8])``, of borrowed bytes.
    @_lifetime(copy file)
    package static func removed(from file: RawSpan) -> RawSpan {
        let isMarked = unsafe file.withUnsafeBytes { unsafe $0.starts(with: bytes) }
        return isMarked ? file.extracting(droppingFirst: bytes.count) : file
    }
}
