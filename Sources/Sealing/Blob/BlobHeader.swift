/// The first 160 bytes of a sealed blob, version 1.
///
///      0   8  magic "STRGROOM"
///      8   2  format version, 1
///     10   2  suite, 1: AES-256-GCM, HKDF-SHA-256, HMAC-SHA-256
///     12   1  log2 of the plaintext bytes in a chunk, 16 to 22
///     13   3  zero
///     16  32  salt
///     48   7  nonce prefix
///     55   1  zero
///     56   8  plaintext length in bytes
///     64  32  context hash
///     96  32  key commitment
///    128  32  header MAC
///
/// Integers are big-endian. This type knows the layout; ``BlobKeys`` knows the cryptography.
struct BlobHeader {
    static let byteCount = 160
    static let label = "strongroom/blob/v1"
    static let magic = Array("STRGROOM".utf8)
    static let formatVersion: UInt16 = 1
    static let suite: UInt16 = 1
    static let noncePrefixBytes = 7
    /// What the keys are derived over: everything before the commitment.
    static let derivedRange = 0..<96
    /// What the MAC covers: everything before it.
    static let authenticatedRange = 0..<128

    let layout: BlobLayout
    let salt: [UInt8]
    let noncePrefix: [UInt8]
    let contextHash: [UInt8]

    /// Bytes 0 to 95.
    var derivedBytes: [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(Self.byteCount)
        bytes.append(bigEndian: Self.formatVersion)
        bytes.append(bigEndian: Self.suite)
        bytes.append(layout.chunkLog2)
        bytes += [0, 0, 0]
        bytes += salt
        bytes += noncePrefix
        bytes.append(0)
        bytes.append(bigEndian: layout.plaintextBytes)
        bytes += contextHash
        return bytes
    }

    /// A header for a new blob: a new salt and nonce prefix each time, so that no chunk index is
    /// ever sealed twice under one key.
    init(layout: BlobLayout, context: BlobContext) throws(SealingError) {
        self.init(
            layout: layout,
            salt: try RandomBytes.make(count: SealingLimits.saltBytes),
            noncePrefix: try RandomBytes.make(count: Self.noncePrefixBytes),
            contextHash: context.hash
        )
    }

    /// A header of given parts.
    init(layout: BlobLayout, salt: [UInt8], noncePrefix: [UInt8], contextHash: [UInt8]) {
        self.layout = layout
        self.salt = salt
        self.noncePrefix = noncePrefix
        self.contextHash = contextHash
    }

    /// Reads what the keys are derived over. What it says is not to be trusted until commitment
    /// and MAC hold.
    ///
    /// - Throws: `format`, naming the field that is wrong and what was expected.
    init(parsing bytes: [UInt8]) throws(SealingError) {
        guard bytes.count == Self.byteCount else {
            throw SealingError(
                .format,
                "a blob header has \(Self.byteCount) bytes, not \(bytes.count)"
            )
        }
        guard Array(bytes[0..<8]) == Self.magic else {
            throw SealingError(.format, "not a sealed blob: it does not begin with STRGROOM")
        }
        let version = bytes.bigEndian(UInt16.self, at: 8)
        guard version == Self.formatVersion else {
            throw SealingError(
                .format,
                "blob format version \(version); known is \(Self.formatVersion)"
            )
        }
        let suite = bytes.bigEndian(UInt16.self, at: 10)
        guard suite == Self.suite else {
            throw SealingError(.format, "blob suite \(suite); known is \(Self.suite)")
        }
        guard bytes[13...15].allSatisfy({ $0 == 0 }), bytes[55] == 0 else {
            throw SealingError(.format, "a reserved byte of a blob header is not zero")
        }
        do {
            layout = try BlobLayout(
                plaintextBytes: bytes.bigEndian(UInt64.self, at: 56),
                chunkLog2: bytes[12]
            )
        } catch {
            throw SealingError(.format, "a blob header declares \(error.message)")
        }
        salt = Array(bytes[16..<48])
        noncePrefix = Array(bytes[48..<55])
        contextHash = Array(bytes[64..<96])
    }
}
