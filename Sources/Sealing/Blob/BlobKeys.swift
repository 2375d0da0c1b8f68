/// The three keys of one blob, derived from the version's data key over the blob's salt and
/// header, and what is made with two of them.
///
/// The commitment binds the blob to one key: AES-GCM alone does not, and whoever can replace a
/// wrapped key could make one ciphertext open to two plaintexts.
struct BlobKeys {
    /// Seals and opens chunks.
    let encryption: SecretKey
    /// What the header states at byte 96. It is public.
    let commitment: [UInt8]
    private let authentication: SecretKey

    /// Derives the keys for the header whose bytes 0 to 95 are given.
    init(dataKey: SecretKey, salt: [UInt8], derivedBytes: [UInt8]) throws(SealingError) {
        let info = Array(BlobHeader.label.utf8) + derivedBytes
        let size = SealingLimits.keyBytes
        let derived = try LockedMemory.make(byteCount: 3 * size) {
            (output: inout MutableRawSpan) throws(SealingError) in
            try dataKey.withBytes { (key: RawSpan) throws(SealingError) in
                try KeyDerivation.hkdf(input: key, salt: salt, info: info, into: &output)
            }
        }
        encryption = try derived.withBytes { (bytes: RawSpan) throws(SealingError) in
            try SecretKey(copying: bytes.extracting(0..<size))
        }
        commitment = derived.withBytes { $0.extracting(size..<(2 * size)).copyToArray() }
        authentication = try derived.withBytes { (bytes: RawSpan) throws(SealingError) in
            try SecretKey(copying: bytes.extracting((2 * size)..<(3 * size)))
        }
    }

    /// The MAC of header bytes 0 to 127.
    func mac(over header: [UInt8]) throws(SealingError) -> [UInt8] {
        try authentication.withBytes { (key: RawSpan) throws(SealingError) in
            try KeyDerivation.hmac(key: key, message: header)
        }
    }
}
