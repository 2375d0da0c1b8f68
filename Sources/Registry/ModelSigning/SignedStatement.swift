internal import JSON
internal import Sealing
internal import Text

/// What a publisher signed: an in-toto statement that lists every file of a bundle by its SHA-256.
struct SignedStatement {
    private static let type: ExactString = "https://in-toto.io/Statement/v1"
    private static let predicateType: ExactString = "https://model_signing/signature/v1.0"
    private static let method: ExactString = "files"
    private static let algorithm: ExactString = "sha256"
    /// What the signing command leaves out by itself. A list of its own could hide files that
    /// somebody adds to an exported bundle later.
    private static let ignorablePaths: [ExactString] = [
        ".git", ".gitattributes", ".github", ".gitignore", BundleSignature.path,
    ]
    /// JSON values of a statement: room for twice what the most files need.
    static let maxValues = Limits.maxBundleFiles * 8

    /// The files by their paths, with the SHA-256 of each.
    private(set) var digests: [ExactString: [UInt8]] = [:]

    /// Reads signed bytes; verify their signature first.
    ///
    /// - Throws: `invalidArgument` that says which member is not as it has to be.
    init(verified bytes: [UInt8]) throws(RegistryError) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: bytes, maxValues: Self.maxValues)
        } catch {
            throw SignatureFields.refusal(
                "the signed statement is not JSON: \(quoted("\(error)"))"
            )
        }
        var fields = try SignatureFields(document, place: "")
        try fields.constant("_type", Self.type)
        try fields.constant("predicateType", Self.predicateType)
        let subject = try Self.subject(try fields.onlyObject("subject"))
        var predicate = try fields.object("predicate")
        try fields.finish()
        try Self.checkSerialization(try predicate.object("serialization"))
        // Other members of the predicate have no say in version 1.0, by its definition.
        let resources = try predicate.list("resources", limit: Limits.maxBundleFiles)
        let hasher = SHA256Hasher()
        for (index, resource) in resources.enumerated() {
            hasher.update(try add(resource, place: "predicate.resources[\(index)]"))
        }
        guard hasher.finalize() == subject else {
            throw SignatureFields.refusal(
                "'subject[0].digest.sha256' is not the SHA-256 of the resources' digests"
            )
        }
    }

    /// Refuses unless the files are exactly those that are signed.
    ///
    /// - Parameter files: All files of the bundle, the signature itself too.
    /// - Throws: `invalidArgument` that names the first file that is not.
    func check(_ files: [VersionRecord.File]) throws(RegistryError) {
        var left = digests
        for file in files where file.path != BundleSignature.path {
            guard let signed = left.removeValue(forKey: file.path) else {
                throw SignatureFields.refusal("file \(quoted(file.path)) is not signed")
            }
            guard signed == file.sha256 else {
                throw SignatureFields.refusal(
                    "file \(quoted(file.path)): its SHA-256 is not the one that was signed"
                )
            }
        }
        if let first = left.keys.min() {
            throw SignatureFields.refusal("file \(quoted(first)) is signed and not in the bundle")
        }
    }

    /// Takes a resource up; its digest.
    private mutating func add(
        _ value: JSONValue,
        place: String
    ) throws(RegistryError) -> [UInt8] {
        var fields = try SignatureFields(value, place: place)
        try fields.constant("algorithm", Self.algorithm)
        let name = ExactString(try fields.string("name"))
        let digest = try Self.digest(try fields.string("digest"), place: "\(place).digest")
        try fields.finish()
        do {
            try BundlePath.check(name)
        } catch {
            throw SignatureFields.refusal("'\(place).name': \(error.message)")
        }
        guard name != BundleSignature.path else {
            throw SignatureFields.refusal("a signature cannot be among the files that it signs")
        }
        guard digests.updateValue(digest, forKey: name) == nil else {
            throw SignatureFields.refusal("file \(quoted(name)) is signed twice")
        }
        return digest
    }

    /// The digest over all resources. The subject's name is the folder's on the signer's machine:
    /// model and version are bound by the version record.
    private static func subject(_ subject: SignatureFields) throws(RegistryError) -> [UInt8] {
        var subject = subject
        _ = try subject.string("name")
        var digests = try subject.object("digest")
        let digest = try digest(
            try digests.string(algorithm),
            place: "subject[0].digest.\(algorithm)"
        )
        try digests.finish()
        try subject.finish()
        return digest
    }

    private static func checkSerialization(_ fields: SignatureFields) throws(RegistryError) {
        var fields = fields
        try fields.constant("method", method)
        try fields.constant("hash_type", algorithm)
        guard try fields.value("allow_symlinks") == .bool(false) else {
            throw SignatureFields.refusal(
                "'predicate.serialization.allow_symlinks' is not false"
            )
        }
        if let paths = fields.take("ignore_paths") { try checkIgnored(paths) }
        try fields.finish()
    }

    private static func checkIgnored(_ value: JSONValue) throws(RegistryError) {
        let place = "'predicate.serialization.ignore_paths'"
        guard case .array(let paths) = value else {
            throw SignatureFields.refusal("\(place) is not a list")
        }
        for path in paths {
            guard case .string(let text) = path else {
                throw SignatureFields.refusal("\(place) has an entry that is not a string")
            }
            guard ignorablePaths.contains(ExactString(text)) else {
                throw SignatureFields.refusal(
                    "\(place) leaves out \(quoted(text)); a signature may leave "
                        + "out \(ignorablePaths.map(\.text).joined(separator: ", ")) and nothing else"
                )
            }
        }
    }

    private static func digest(_ hex: String, place: String) throws(RegistryError) -> [UInt8] {
        guard let digest = Hex.decode(hex), digest.count == Digest.byteCount else {
            throw SignatureFields.refusal(
                "\(quoted(place)) is not \(Digest.byteCount) bytes of lower-case hex"
            )
        }
        return digest
    }
}
