internal import JSON
internal import Platform
internal import Text

/// Key-encryption keys derived from a passphrase with scrypt (RFC 7914): `kek-<id>.scrypt` holds
/// the salt and the cost of each, and nothing that needs to be kept secret.
///
/// A rotation draws a new salt and derives a new key from the present passphrase. So a passphrase
/// is changed by putting the new one first in its file, before the old one, and rotating.
package struct PassphraseKeyProvider: RingKeyProvider {
    let ring: KeyRing
    let place = "the key folder"
    private let folder: KeyFolder
    private let passphrases: Passphrases

    package var kind: String { "passphrase" }

    /// Derives all keys of a folder.
    ///
    /// - Throws: `authentication` if no passphrase gives a key that is needed, `format` for a
    ///   file that is not of this form or asks for more than the limits.
    package init(
        folder path: String,
        passphrases: Passphrases,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) {
        let folder = Self.folder(path, calls)
        ring = try folder.ring { id throws(SealingError) in
            let derivation = try ScryptParameters(reading: folder.path(of: id), folder.files)
            guard let key = try passphrases.firstKey(derivation, where: { $0.id == id }) else {
                throw SealingError(
                    .authentication,
                    "the passphrase is wrong: it does not give key \(id)"
                )
            }
            return key
        }
        self.folder = folder
        self.passphrases = passphrases
    }

    /// Makes a first key.
    ///
    /// - Throws: `keyAccess` if the folder names a current key already.
    package static func create(
        in path: String,
        passphrases: Passphrases
    ) throws(SealingError) -> PassphraseKeyProvider {
        let folder = folder(path, SystemCalls())
        try folder.checkUnused()
        try newKey(in: folder, passphrases)
        return try PassphraseKeyProvider(folder: path, passphrases: passphrases)
    }

    package func addKey() throws(SealingError) -> Bool {
        try Self.newKey(in: folder, passphrases, ring)
        return true
    }

    package func retireKey(_ id: String) throws(SealingError) {
        try folder.retire(id)
        ring.forget(id)
    }

    package func retiredKeyIDs() throws(SealingError) -> [String] { try folder.retiredIDs() }

    private static func folder(_ path: String, _ calls: any FileCalls) -> KeyFolder {
        KeyFolder(path: path, suffix: ".scrypt", files: KeyFiles(calls))
    }

    private static func newKey(
        in folder: KeyFolder,
        _ passphrases: Passphrases,
        _ ring: KeyRing? = nil
    ) throws(SealingError) {
        let parameters = ScryptParameters(
            salt: try RandomBytes.make(count: SealingLimits.saltBytes)
        )
        guard let key = try passphrases.firstKey(parameters, where: { _ in true }) else {
            throw SealingError(.keyMissing, "there is no passphrase")
        }
        try Array(parameters.text(id: key.id).utf8).withRawSpan {
            (text: RawSpan) throws(SealingError) in try folder.add(key, content: text, to: ring)
        }
    }
}

/// Salt and cost of one derivation, as `kek-<id>.scrypt` holds them: canonical JSON and a line
/// feed.
struct ScryptParameters: Equatable {
    /// The cost of new keys: 128 MiB, and less than half a second.
    private static let newCost: UInt64 = 1 << 17
    private static let blockSize: UInt64 = 8
    private static let parallelisation: UInt64 = 1

    let cost: UInt64
    let salt: [UInt8]

    init(salt: [UInt8], cost: UInt64 = newCost) {
        self.salt = salt
        self.cost = cost
    }

    func text(id: String) -> String {
        """
        {"id":"\(id)","n":\(cost),"p":\(Self.parallelisation),"r":\(Self.blockSize),\
        "salt":"\(Hex.encode(salt))"}

        """
    }

    /// - Throws: `format` for anything that ``text(id:)`` does not write, or a cost outside
    ///   ``SealingLimits/scryptCost``.
    init(reading path: String, _ files: KeyFiles = .system) throws(SealingError) {
        let bytes = try files.readSmall(path, as: .trusted)
        func malformed(_ what: String) -> SealingError {
            SealingError(.format, "\(path): \(what)")
        }
        guard let value = try? JSONValue(parsing: bytes), case .object(let members) = value,
            members.count == 5, case .string(let id)? = value["id"],
            case .number(let cost)? = value["n"], let cost = UInt64(cost),
            case .number("\(Self.parallelisation)")? = value["p"],
            case .number("\(Self.blockSize)")? = value["r"],
            case .string(let salt)? = value["salt"], let salt = Hex.decode(salt),
            salt.count == SealingLimits.saltBytes
        else { throw malformed("expected id, n, p, r and salt of a key derived with scrypt") }
        self.init(salt: salt, cost: cost)
        guard SealingLimits.scryptCost.contains(cost), cost.nonzeroBitCount == 1 else {
            throw malformed(
                "a cost of \(cost), a power of 2 from \(SealingLimits.scryptCost.lowerBound) to "
                    + "\(SealingLimits.scryptCost.upperBound) is taken"
            )
        }
        guard String(decoding: bytes, as: UTF8.self) == text(id: id) else {
            throw malformed("not in the one form that is written")
        }
    }

    /// Derives the key of a passphrase.
    ///
    /// - Throws: `limit` if there is no memory for it.
    func key(_ passphrase: RawSpan) throws(SealingError) -> KeyEncryptionKey {
        KeyEncryptionKey(
            try SecretKey { (output: inout MutableRawSpan) throws(SealingError) in
                try KeyDerivation.scrypt(
                    passphrase: passphrase,
                    salt: salt,
                    cost: cost,
                    blockSize: Self.blockSize,
                    parallelisation: Self.parallelisation,
                    into: &output
                )
            }
        )
    }
}
