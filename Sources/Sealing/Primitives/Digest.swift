internal import COpenSSL

/// SHA-256 of bytes that are at hand at once.
package enum Digest {
    /// The bytes of a digest.
    package static let byteCount = 32

    /// The SHA-256 of `bytes`.
    package static func sha256(_ bytes: RawSpan) -> [UInt8] {
        let hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// The SHA-256 of `bytes`.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withRawSpan { sha256($0) }
    }
}

/// SHA-256 of bytes that come in parts. Not for use from two threads at once.
@safe package final class SHA256Hasher {
    private let context: OpaquePointer
    private var isFinished = false

    /// A hasher that has seen no bytes.
    package init() {
        guard let context = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex2(context, Algorithms.sha256.raw, nil) == 1
        else { preconditionFailure("SHA-256 cannot start: out of memory") }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Takes the next bytes; a programmer's error after ``finalize()``.
    package func update(_ bytes: RawSpan) {
        precondition(!isFinished, "SHA-256 updated after it was finalised")
        let status = unsafe bytes.withUnsafeBytes { bytes in
            unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        }
        precondition(status == 1, "SHA-256 failed on \(bytes.byteCount) bytes")
    }

    /// Takes the next bytes; a programmer's error after ``finalize()``.
    package func update(_ bytes: [UInt8]) {
        bytes.withRawSpan { update($0) }
    }

    /// The digest of all bytes taken; a programmer's error if called twice.
    package func finalize() -> [UInt8] {
        precondition(!isFinished, "SHA-256 finalised twice")
        isFinished = true
        var digest = [UInt8](repeating: 0, count: Digest.byteCount)
        let status = unsafe EVP_DigestFinal_ex(context, &digest, nil)
        precondition(status == 1, "SHA-256 could not be finalised")
        return digest
    }
}
