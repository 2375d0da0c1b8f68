internal import Sealing
internal import Text

/// A publisher's signature of a bundle, in the OpenSSF model-signing format, version 1.0, made
/// with a key: the bundle's file ``path``.
///
/// It is judged more strictly than by the command that makes it: every file but the signature
/// itself is signed, none twice, and no list hides any.
enum BundleSignature {
    /// The reserved path of a bundle.
    static let path: ExactString = "model.sig"
    /// Bytes of a signature: room for the paths that a bundle may have, each escaped and in base64.
    static let maxBytes = 8 << 20

    /// Refuses files that no signature could be right for.
    ///
    /// - Throws: `invalidArgument` that names the model and what is expected.
    static func checkPresent(
        in files: [BundleFile],
        model: String
    ) throws(RegistryError) {
        guard let file = files.first(where: { $0.path == path }) else {
            throw RegistryError(
                .invalidArgument,
                "model \(quoted(model)) takes signed bundles alone: expected \(quoted(path)), a "
                    + "signature of "
                    + "all files in the OpenSSF model-signing format"
            )
        }
        guard file.size <= UInt64(maxBytes) else {
            throw SignatureFields.refusal(
                "\(file.size) bytes, at most \(maxBytes) are allowed"
            )
        }
        guard files.contains(where: { $0.path == Card.path }) else {
            throw RegistryError(
                .invalidArgument,
                "model \(quoted(model)) takes signed bundles alone: expected a "
                    + "\(quoted(Card.path)) of the "
                    + "publisher's own, since a signature cannot cover one that the server writes"
            )
        }
    }

    /// Judges a signature.
    ///
    /// - Parameters:
    ///   - bytes: The file ``path``.
    ///   - files: All files of the bundle, with the digests that the registry itself computed.
    ///   - keys: Those that may sign.
    /// - Returns: The key that signed.
    /// - Throws: `invalidArgument` that says which check failed, and for which file.
    static func verify(
        _ bytes: [UInt8],
        of files: [VersionRecord.File],
        keys: [PublisherKey]
    ) throws(RegistryError) -> PublisherKey {
        let envelope = try SignatureEnvelope(parsing: bytes)
        guard
            let key = keys.first(where: {
                ExactString(envelope.hint) == ExactString(Hex.encode($0.fingerprint))
            })
        else {
            throw SignatureFields.refusal(
                "made with the key \(quoted(envelope.hint)), which may not sign "
                    + "this model"
            )
        }
        guard key.verify(signature: envelope.signature, over: envelope.signedBytes) else {
            throw SignatureFields.refusal("the signature does not hold for what it is over")
        }
        try SignedStatement(verified: envelope.payload).check(files)
        return key
    }
}
