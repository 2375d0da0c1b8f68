internal import Wire

/// Sizes of lists' pages.
enum Page {
    /// What a request gets that names no size.
    static let defaultSize = 100
    /// The most that one answer holds; more asked for gives this many.
    static let maxSize = 1_000

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
