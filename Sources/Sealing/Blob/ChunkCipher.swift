/// Seals and opens single chunks of one blob.
///
/// The nonce is the blob's prefix, the chunk's index and a byte that is 1 on the last chunk only
/// (the STREAM construction): truncation, extension, reordering, duplication and splicing all
/// show as a tag that does not hold.
struct ChunkCipher: Sendable {
    private let key: SecretKey
    private let noncePrefix: [UInt8]
    private let additional: [UInt8]

    /// A cipher for the blob with this whole header, whose digest is every chunk's additional
    /// data.
    init(key: SecretKey, noncePrefix: [UInt8], header: [UInt8]) {
        self.key = key
        self.noncePrefix = noncePrefix
        additional = Digest.sha256(header)
    }

    /// The ciphertext of one chunk, and its tag.
    func seal(_ plaintext: RawSpan, index: UInt32, isLast: Bool) throws(SealingError) -> [UInt8] {
        try AESGCM.seal(
            plaintext,
            key: key,
            nonce: nonce(index, isLast),
            additional: additional
        )
    }

    /// Writes the ciphertext of one chunk, and its tag, to `output`, which has the size of both.
    func seal(
        _ plaintext: RawSpan,
        index: UInt32,
        isLast: Bool,
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        try AESGCM.seal(
            plaintext,
            key: key,
            nonce: nonce(index, isLast),
            additional: additional,
            into: &output
        )
    }

    /// Opens one chunk into `output`, which has the plaintext's size.
    func open(
        _ sealed: RawSpan,
        index: UInt32,
        isLast: Bool,
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        try AESGCM.open(
            sealed,
            key: key,
            nonce: nonce(index, isLast),
            additional: additional,
            into: &output
        )
    }

    /// Opens one chunk where its ciphertext lies.
    func open(
        inPlace bytes: inout MutableRawSpan,
        tag: [UInt8],
        index: UInt32,
        isLast: Bool
    ) throws(SealingError) {
        try AESGCM.open(
            inPlace: &bytes,
            tag: tag,
            key: key,
            nonce: nonce(index, isLast),
            additional: additional
        )
    }

    private func nonce(_ index: UInt32, _ isLast: Bool) -> [UInt8] {
        var nonce = noncePrefix
        nonce.append(bigEndian: index)
        nonce.append(isLast ? 1 : 0)
        return nonce
    }
}
