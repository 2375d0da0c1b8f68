internal import Platform

/// The registry's signing key in the key folder: `signing.key`, the seed wrapped as a data key
/// is, and `signing.pub.pem`, for whoever verifies records elsewhere.
package enum SigningKeyFile {
    static let secretName = "signing.key"
    static let publicName = "signing.pub.pem"

    /// Makes a key and writes both files.
    ///
    /// - Throws: `keyAccess` if there is a signing key already or the folder cannot be written,
    ///   and what the provider throws.
    package static func create(
        folder: String,
        provider: any KeyProvider,
        registryID: [UInt8]
    ) throws(SealingError) -> SigningKey {
        let files = KeyFiles.system
        let path = "\(folder)/\(secretName)"
        guard try !files.exists(path) else {
            throw SealingError(.keyAccess, "\(path) exists already")
        }
        try files.makeFolder(folder)
        let key = try SigningKey.generate()
        let wrapped = try provider.wrap(
            key.seed,
            context: .signingKey(registryID: registryID)
        )
        // The public half first: after a crash between the two, creating again replaces it.
        try files.replace(
            "\(folder)/\(publicName)",
            with: Array(key.publicKey.pem.utf8),
            mode: KeyFiles.publicMode
        )
        try Array(wrapped.text.utf8).withRawSpan { (text: RawSpan) throws(SealingError) in
            try files.writeNew(text, to: path, mode: KeyFiles.secretMode)
        }
        return key
    }

    /// Opens the key of this registry.
    ///
    /// - Parameter calls: The system's calls, but for tests of what happens when they fail.
    /// - Throws: `keyMissing` if a file is not there, `format` if it does not have its form or
    ///   the public file is another key's, and what the provider throws.
    package static func open(
        folder: String,
        provider: any KeyProvider,
        registryID: [UInt8],
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) -> SigningKey {
        let files = KeyFiles(calls)
        let wrapped = try wrappedKey(folder: folder, files)
        let key = try SigningKey(
            seed: try provider.unwrap(wrapped, context: .signingKey(registryID: registryID))
        )
        let stored = try publicKey(folder: folder, calls: calls)
        guard stored == key.publicKey else {
            throw SealingError(
                .format,
                "\(folder)/\(publicName) is not the public half of \(secretName)"
            )
        }
        return key
    }

    /// The id of the key-encryption key that the seed is wrapped with.
    ///
    /// - Throws: `keyMissing`, `format`.
    package static func kekID(
        folder: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) -> String {
        try wrappedKey(folder: folder, KeyFiles(calls)).kekID
    }

    /// Wraps the seed anew, under the provider's current key.
    ///
    /// - Throws: as ``open(folder:provider:registryID:)``; the old file is left as it was then.
    package static func rewrap(
        folder: String,
        provider: any KeyProvider,
        registryID: [UInt8],
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) {
        let files = KeyFiles(calls)
        let context = WrapContext.signingKey(registryID: registryID)
        let seed = try provider.unwrap(try wrappedKey(folder: folder, files), context: context)
        let wrapped = try provider.wrap(seed, context: context)
        try files.replace(
            "\(folder)/\(secretName)",
            with: Array(wrapped.text.utf8),
            mode: KeyFiles.secretMode
        )
    }

    private static func wrappedKey(
        folder: String,
        _ files: KeyFiles
    ) throws(SealingError) -> WrappedKey {
        let path = "\(folder)/\(secretName)"
        let text = String(decoding: try files.readSmall(path, as: .key), as: UTF8.self)
        do {
            return try WrappedKey(text: text)
        } catch {
            throw SealingError(error.code, "\(path): \(error.message)")
        }
    }

    /// Reads the public half alone, which needs no key provider.
    ///
    /// - Throws: `keyMissing` if the file is not there, `format` if it holds no such key.
    package static func publicKey(
        folder: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) -> VerifyingKey {
        let path = "\(folder)/\(publicName)"
        let text = String(
            decoding: try KeyFiles(calls).readSmall(path, as: .trusted),
            as: UTF8.self
        )
        do {
            return try VerifyingKey(pem: text)
        } catch {
            throw SealingError(error.code, "\(path): \(error.message)")
        }
    }
    /// Removes what processes that ended while they wrote keys have left in their folder. Nobody
    /// may write keys meanwhile.
    ///
    /// - Throws: `keyMissing` without folder, `keyAccess`.
    package static func removeUnfinished(
        folder: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) {
        try KeyFiles(calls).removeUnfinished(in: folder)
    }
}
