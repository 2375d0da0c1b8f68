/// The bounds that every publisher, name and card has to keep.
///
/// They are constants and not configuration: a signed record has to stay readable by every later
/// server, so what may be in one cannot depend on the server that accepted it.
package enum Limits {
    /// Plaintext bytes of every chunk of a file but its last; also a sealed blob's segment.
    package static let chunkBytes = 1 << 20
    /// The base-2 logarithm of ``chunkBytes``, as the sealed blob's header has it.
    static let chunkLog2: UInt8 = 20
    /// Uploads that may be open at once, all principals together.
    package static let maxUploads = 16
    /// Uploads of them that one principal may have open, unless configured otherwise.
    package static let uploadsPerPrincipal = 8
    /// Seconds after which an upload that nobody fed may be dropped.
    package static let uploadIdleSeconds: Int64 = 24 * 60 * 60
    /// Files that a publisher may declare for one bundle.
    package static let maxBundleFiles = 10_000
    /// UTF-8 bytes of one path inside a bundle.
    package static let maxPathBytes = 512
    /// UTF-8 bytes of all paths of a bundle together.
    package static let maxAllPathsBytes = 1 << 20
    /// Plaintext bytes of one file.
    package static let maxFileBytes: UInt64 = 1 << 40
    /// Bytes of a card.
    package static let maxCardBytes = 64 << 10
    /// Key and value pairs of a version's metadata.
    package static let maxMetadataPairs = 64
    /// UTF-8 bytes of all metadata keys and values together.
    package static let maxMetadataBytes = 16 << 10
    /// Characters of a model's or an alias's name.
    package static let maxNameBytes = 64
    /// UTF-8 bytes of an idempotency key.
    package static let maxIdempotencyKeyBytes = 256
    /// UTF-8 bytes of a reason given with a move or a rejection; a longer one is refused from
    /// callers and cut when it comes from a load.
    package static let maxReasonBytes = 4 << 10
    /// Bytes of an encoded version record.
    package static let maxRecordBytes = 3 << 20
    /// Wrapped keys that a rotation reads at once.
    static let keyPage = 256
    /// Entries of one page of a list.
    package static let maxPageEntries = 1_000
    /// Audit events that one call reads, those included that its caller may not see.
    package static let maxScannedAuditEvents = 10_000
    /// Bytes that one ``Registry/readFile(model:version:path:offset:length:)`` answers at most.
    package static let maxReadBytes = 1 << 20
    /// Threads that open one file at most, the reader's own among them; as many as the machine has
    /// cores below that. A SHA-256 is taken in order, on one of them.
    package static let openingThreads = 8
    /// Blobs that are remembered as hashed: 32 bytes and a set's overhead each.
    static let hashedBlobs = 16_384
    /// Unfinished blobs whose files stay open, over all uploads; past it files are opened for
    /// each write.
    static let maxOpenFiles = 256
    /// Bytes of the tag of a chunk, and of a wrapped key.
    static let tagBytes = 16
    /// Bytes of the nonce of a wrapped key.
    static let nonceBytes = 12
    /// Sealed files that a verification reads at once; each holds a chunk twice.
    static let maxVerifyThreads = 8
    /// Rows that a verification holds at once.
    static let verifyPageRows = 500
    /// Bytes that a version's row has at least: its record, signature and digests.
    static let minVersionRowBytes = 512
    /// Findings of one kind that a verification names one by one; the rest is counted.
    static let maxNamedFindings = 100
    /// Objects of a database's schema that are compared; formats have fewer.
    static let maxSchemaObjects = 1_000
    /// Characters of a column's text that a finding quotes.
    static let maxQuotedCharacters = 80
    /// Versions that were read from last and stay verified and unwrapped.
    static let maxCachedVersions = 8
    /// The base-2 logarithm of the chunk that a sealed card lies in: one holds any card.
    static let cardChunkLog2: UInt8 = 16
}
