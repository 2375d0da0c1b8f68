/// The sizes and bounds of this target, in one place.
package enum SealingLimits {
    /// The bytes of every symmetric key, and of an Ed25519 seed.
    package static let keyBytes = 32
    /// The bytes of a registry's or a bundle's id.
    package static let idBytes = 16
    /// The bytes of a salt, of a blob or of a wrap.
    package static let saltBytes = 32
    /// The smallest and largest log2 of the plaintext bytes in a chunk: 64 KiB to 4 MiB.
    package static let chunkLog2: ClosedRange<UInt8> = 16...22
    /// The log2 of a chunk where nobody asks for another: 1 MiB.
    package static let defaultChunkLog2: UInt8 = 20
    /// The chunks of one blob: the index in a nonce is 4 bytes.
    package static let maxChunks: UInt64 = 1 << 32
    /// The bytes of a small file (a wrapped key, a public key, the name of the current key).
    package static let maxSmallFileBytes = 16 << 10
    /// The key-encryption keys that one folder may hold.
    package static let maxFolderKeys = 1024
    /// The cost of a derivation from a passphrase (scrypt's N) that a file may ask for: 1 GiB at
    /// most.
    package static let scryptCost: ClosedRange<UInt64> = 1 << 14...1 << 20
    /// The bytes of a passphrase, or of the file that holds it.
    package static let maxPassphraseBytes = 4 << 10
    /// The passphrases of one file: the present one, and some that were before.
    package static let maxPassphrases = 4
    /// How long the key command may take, in seconds.
    package static let keyCommandSeconds = 10
    /// The bytes of the line that the key command answers.
    package static let maxKeyCommandBytes = 16 << 10
}
