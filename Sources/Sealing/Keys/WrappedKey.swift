/// A data key or a signing seed, sealed under a key-encryption key: what a registry stores.
package struct WrappedKey: Sendable, Equatable {
    /// The algorithm of keys that this process wraps itself. A provider that hands the work to
    /// something else has a name of its own.
    package static let localAlgorithm = "AES-256-GCM/HKDF-SHA-256"

    /// The id of the key-encryption key.
    package let kekID: String
    /// How it was wrapped; a provider refuses what it does not know.
    package let algorithm: String
    /// The salt that the wrapping key was derived with, 32 bytes for the local algorithm.
    package let salt: [UInt8]
    /// The nonce, 12 bytes for the local algorithm.
    package let nonce: [UInt8]
    /// The sealed key, 32 bytes for the local algorithm.
    package let ciphertext: [UInt8]
    /// The tag, 16 bytes for the local algorithm.
    package let tag: [UInt8]

    /// A wrapped key as it was stored. Nothing is checked before it is unwrapped.
    package init(
        kekID: String,
        algorithm: String,
        salt: [UInt8],
        nonce: [UInt8],
        ciphertext: [UInt8],
        tag: [UInt8]
    ) {
        self.kekID = kekID
        self.algorithm = algorithm
        self.salt = salt
        self.nonce = nonce
        self.ciphertext = ciphertext
        self.tag = tag
    }
}

/// What a wrapped key belongs to: it does not unwrap for another version, model or registry.
package struct WrapContext: Sendable, Equatable {
    /// The registry's id, 16 bytes.
    package let registryID: [UInt8]
    /// The model's name; empty for the signing key.
    package let model: String
    /// The bundle's id, 16 bytes; empty for the signing key.
    package let bundleID: [UInt8]

    /// The context of one version's data key.
    package init(registryID: [UInt8], model: String, bundleID: [UInt8]) {
        self.registryID = registryID
        self.model = model
        self.bundleID = bundleID
    }

    /// The context of a registry's signing key.
    package static func signingKey(registryID: [UInt8]) -> WrapContext {
        WrapContext(registryID: registryID, model: "", bundleID: [])
    }
}
