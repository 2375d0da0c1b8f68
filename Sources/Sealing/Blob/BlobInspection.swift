/// What is wrong with a sealed blob's header, field by field, measured by what the signed record
/// and the keys say that it must be.
///
/// An opener stops at the first thing that is wrong; this tells all of them apart, and still opens
/// the chunks where the right header can be told from the rest.
package struct BlobInspection: Sendable {
    /// One field that is not what it must be.
    package struct Fault: Sendable, Equatable {
        /// The field, by its name in the format.
        package let field: String
        /// What was found, and what was expected.
        package let problem: String
    }

    /// What a header must state.
    package struct Expectation: Sendable {
        let context: BlobContext
        let layout: BlobLayout
        let commitment: [UInt8]?

        /// - Parameter commitment: As it was signed; nil where it is recorded nowhere.
        /// - Throws: `limit` for a length or a chunk size that no blob has.
        package init(
            context: BlobContext,
            plaintextBytes: UInt64,
            chunkLog2: UInt8,
            commitment: [UInt8]?
        ) throws(SealingError) {
            self.context = context
            layout = try BlobLayout(plaintextBytes: plaintextBytes, chunkLog2: chunkLog2)
            self.commitment = commitment
        }
    }

    /// A single altered bit is looked for in as many bits of a commitment that no record states.
    private static let fewBits = 8
    private static let saltRange = 16..<48
    private static let noncePrefixRange = 48..<55
    private static let commitmentRange = 96..<128
    /// The fields whose bytes follow from the expectation alone.
    private static let fixedFields: [(name: String, range: Range<Int>)] = [
        ("magic", 0..<8), ("format version", 8..<10), ("suite", 10..<12), ("chunk size", 12..<13),
        ("zero bytes", 13..<16), ("zero byte", 55..<56), ("plaintext length", 56..<64),
        ("context hash", 64..<96),
    ]

    /// In the order of the header; empty if nothing is wrong with it.
    package private(set) var faults: [Fault] = []
    /// Opens the blob's chunks; nil without a key, or where the header cannot be told.
    package private(set) var opener: BlobOpener?

    /// Compares a header.
    ///
    /// - Parameters:
    ///   - header: The blob's first 160 bytes, or as many as there are.
    ///   - key: The data key; nil: only what needs none is compared.
    /// - Throws: `limit` or `internalFailure` if the system or OpenSSL fails.
    package init(
        header: [UInt8],
        expected: Expectation,
        key: SecretKey?
    ) throws(SealingError) {
        guard header.count == BlobHeader.byteCount else {
            add("header", "\(header.count) bytes, expected \(BlobHeader.byteCount)")
            return
        }
        var derived = BlobHeader(
            layout: expected.layout,
            salt: Array(header[Self.saltRange]),
            noncePrefix: Array(header[Self.noncePrefixRange]),
            contextHash: expected.context.hash
        ).derivedBytes
        for field in Self.fixedFields where header[field.range] != derived[field.range] {
            let (found, wanted) = (Array(header[field.range]), Array(derived[field.range]))
            add(field.name, "\(Hex.encode(found)), expected \(Hex.encode(wanted))")
        }
        let stated = Array(header[Self.commitmentRange])
        if let commitment = expected.commitment, commitment != stated {
            add("key commitment", "not the one that was signed")
        }
        guard let key else { return }
        guard
            let keys = try keys(
                key,
                &derived,
                stated: stated,
                signed: expected.commitment
            )
        else { return }
        let authenticated = derived + keys.commitment
        let mac = try keys.mac(over: authenticated)
        if Array(header[BlobHeader.authenticatedRange.upperBound...]) != mac {
            add("header MAC", "not that of the header")
        }
        opener = try BlobOpener(
            header: authenticated + mac,
            key: key,
            context: expected.context
        )
    }

    /// The keys of the header as it must have been. `derived` is put right where one altered bit
    /// of salt or prefix explains the commitment.
    private mutating func keys(
        _ key: SecretKey,
        _ derived: inout [UInt8],
        stated: [UInt8],
        signed: [UInt8]?
    ) throws(SealingError) -> BlobKeys? {
        let wanted = signed ?? stated
        let keys = try Self.keys(key, derived)
        if keys.commitment == wanted { return keys }
        for bit in Self.saltRange.lowerBound * 8..<Self.noncePrefixRange.upperBound * 8 {
            derived[bit / 8] ^= 1 << UInt8(bit % 8)
            let tried = try Self.keys(key, derived)
            if tried.commitment == wanted {
                let isSalt = Self.saltRange.contains(bit / 8)
                add(
                    isSalt ? "salt" : "nonce prefix",
                    "bit \(bit % 8) of byte \(bit / 8) is altered"
                )
                return tried
            }
            derived[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        if signed == nil, Self.differingBits(keys.commitment, stated) <= Self.fewBits {
            add("key commitment", "not that of the key, the salt and the header")
            return keys
        }
        add(
            signed == nil ? "salt, nonce prefix or key commitment" : "salt or nonce prefix",
            "with them the key does not give the commitment"
        )
        return nil
    }

    private static func keys(_ key: SecretKey, _ derived: [UInt8]) throws(SealingError) -> BlobKeys
    {
        try BlobKeys(dataKey: key, salt: Array(derived[saltRange]), derivedBytes: derived)
    }

    private static func differingBits(_ left: [UInt8], _ right: [UInt8]) -> Int {
        zip(left, right).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
    }

    private mutating func add(_ field: String, _ problem: String) {
        faults.append(Fault(field: field, problem: problem))
    }
}
