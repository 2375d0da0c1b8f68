internal import COpenSSL

extension PKey {
    /// The public key in the PEM text of a SubjectPublicKeyInfo (`BEGIN PUBLIC KEY`), of whatever
    /// algorithm; what is not a point of its curve is no key.
    ///
    /// - Throws: `format` for any other text, or one over ``SealingLimits/maxSmallFileBytes``.
    init(publicPEM pem: String) throws(SealingError) {
        let text = Array(pem.utf8)
        guard text.count <= SealingLimits.maxSmallFileBytes,
            let bio = unsafe BIO_new(BIO_s_mem())
        else { throw SealingError(.format, "\(text.count) bytes are no public key") }
        defer { unsafe BIO_free_all(bio) }
        guard unsafe BIO_write(bio, text, Int32(text.count)) == text.count,
            let key = unsafe PKey(taking: PEM_read_bio_PUBKEY(bio, nil, nil, nil))
        else { throw .openSSL(.format, "not a public key in PEM") }
        self = key
    }
}
