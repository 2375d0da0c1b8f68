internal import Sealing
internal import Synchronization

extension Registry {
    /// Says whose signatures bundles need from now on; uploads that are open are judged by it when
    /// they are committed. Until it is called, none is needed.
    package func setSignerPolicy(_ policy: SignerPolicy) {
        signers.withLock { $0 = policy }
    }

    /// Refuses a bundle that needs a signature and cannot have one.
    func checkSigned(_ files: [BundleFile], model: String) throws(RegistryError) {
        let policy = signers.withLock { $0 }
        guard !policy.keys(for: model).isEmpty else { return }
        try BundleSignature.checkPresent(in: files, model: model)
    }

    /// Checks the signature of an upload whose files are all there.
    ///
    /// - Returns: The key that signed; nil where the model needs no signature.
    /// - Throws: `invalidArgument` for one that is missing or wrong.
    func verifySignature(
        _ upload: Upload,
        _ files: [VersionRecord.File]
    ) throws -> PublisherKey? {
        let policy = signers.withLock { $0 }
        let keys = policy.keys(for: upload.stored.model)
        guard !keys.isEmpty else { return nil }
        try BundleSignature.checkPresent(in: upload.stored.files, model: upload.stored.model)
        let bytes = try readSealed(BundleSignature.path, of: upload, files)
        return try BundleSignature.verify(bytes, of: files, keys: keys)
    }

    /// What the audit log says of the key that signed a version.
    static func signedBy(_ signer: PublisherKey?) -> String {
        signer.map { ", signed by \(Hex.encode($0.fingerprint))" } ?? ""
    }
}
