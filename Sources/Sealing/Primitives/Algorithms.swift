internal import COpenSSL

/// The algorithms, fetched from OpenSSL's providers once: a fetch for each call is slow and takes
/// a process-wide lock.
enum Algorithms {
    /// AES-256 in GCM.
    static let aes256GCM = FetchedCipher(name: "AES-256-GCM")
    /// SHA-256.
    static let sha256 = FetchedDigest(name: "SHA256")
}

/// A fetched cipher. It lives as long as the process, and OpenSSL only reads it: Sendable.
@safe struct FetchedCipher: @unchecked Sendable {
    /// The `EVP_CIPHER`.
    let raw: OpaquePointer

    fileprivate init(name: String) {
        // An OpenSSL without this cipher is a broken installation in which nothing can be done.
        guard let raw = unsafe EVP_CIPHER_fetch(nil, name, nil) else {
            preconditionFailure("this OpenSSL has no \(name)")
        }
        unsafe self.raw = raw
    }
}

/// A fetched digest. It lives as long as the process, and OpenSSL only reads it: Sendable.
@safe struct FetchedDigest: @unchecked Sendable {
    /// The `EVP_MD`.
    let raw: OpaquePointer

    fileprivate init(name: String) {
        guard let raw = unsafe EVP_MD_fetch(nil, name, nil) else {
            preconditionFailure("this OpenSSL has no \(name)")
        }
        unsafe self.raw = raw
    }
}
