internal import NIOCore
internal import Wire

/// Sizes of lists' pages.
enum Page {
    /// What a request gets that names no size.
    static let defaultSize = 100
    /// The most that one answer holds; more asked for gives this many.
    static let maxSize = 1_000

    /// Bytes of a page's entries: a reply stays below the 4 MiB that every client takes.
    static let maxBytes = 3 << 20

    /// The first entries that fit on a page; at least one, so that a list always gets on.
    static func fitting<Entry: WireMessage>(_ entries: [Entry]) -> [Entry] {
        var bytes = 0
        for (index, entry) in entries.enumerated() {
            var buffer = ByteBuffer()
            entry.encode(into: &buffer)
            bytes += buffer.readableBytes
            if bytes > maxBytes, index > 0 { return Array(entries[..<index]) }
        }
        return entries
    }

    static func size(_ asked: UInt32) throws(Status) -> Int {
        asked == 0 ? defaultSize : min(Int(asked), maxSize)
    }

    /// A page token that is a number: of the version or file after which to go on.
    static func number(_ token: String) throws(Status) -> UInt64? {
        guard !token.isEmpty else { return nil }
        guard let number = UInt64(token) else {
            throw Status(.invalidArgument, "'page_token' is not one that this server gave")
        }
        return number
    }
}
