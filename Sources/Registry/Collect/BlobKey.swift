/// A blob's digest in 32 bytes of memory: a collection holds one for each blob of the store.
struct BlobKey: Hashable, Sendable {
    private let words: [4 of UInt64]

    init(_ digest: [UInt8]) {
        words = [4 of UInt64] { word in
            digest.dropFirst(word * 8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The digest again.
    var digest: [UInt8] {
        (0..<4).flatMap { words[$0].bigEndianBytes }
    }

    static func == (left: BlobKey, right: BlobKey) -> Bool {
        (0..<4).allSatisfy { left.words[$0] == right.words[$0] }
    }

    func hash(into hasher: inout Hasher) {
        for word in 0..<4 { hasher.combine(words[word]) }
    }
}
