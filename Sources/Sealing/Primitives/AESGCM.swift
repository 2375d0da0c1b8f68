internal import COpenSSL

/// AES-256-GCM (NIST SP 800-38D) with 12-byte nonces and 16-byte tags.
enum AESGCM {
    /// The bytes of a nonce.
    static let nonceBytes = 12
    /// The bytes of a tag, which follows the ciphertext.
    static let tagBytes = 16

    /// The ciphertext of `plaintext` and its tag. A nonce is used once under a key: the caller's
    /// duty.
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    static func seal(
        _ plaintext: RawSpan,
        key: SecretKey,
        nonce: [UInt8],
        additional: [UInt8]
    ) throws(SealingError) -> [UInt8] {
        let count = plaintext.byteCount + tagBytes
        var outcome = Result<Void, SealingError>.success(())
        let sealed = unsafe [UInt8](unsafeUninitializedCapacity: count) { output, used in
            guard let start = output.baseAddress else { return }
            var span = unsafe MutableRawSpan(_unsafeStart: start, byteCount: count)
            do throws(SealingError) {
                try seal(plaintext, key: key, nonce: nonce, additional: additional, into: &span)
                used = count
            } catch {
                outcome = .failure(error)
            }
        }
        try outcome.get()
        return sealed
    }

    /// Writes the ciphertext of `plaintext` and its tag to `output`, which must have room for
    /// exactly both: who seals many chunks needs no new memory for each.
    ///
    /// - Throws: `internalFailure` if OpenSSL refuses.
    static func seal(
        _ plaintext: RawSpan,
        key: SecretKey,
        nonce: [UInt8],
        additional: [UInt8],
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        precondition(nonce.count == nonceBytes, "a nonce of \(nonce.count) bytes")
        let count = plaintext.byteCount
        precondition(
            output.byteCount == count + tagBytes,
            "room for \(output.byteCount) bytes, not \(count + tagBytes)"
        )
        let context = try CipherContext()
        let started = key.withBytes { key in
            unsafe key.withUnsafeBytes { key in
                let key = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return unsafe EVP_EncryptInit_ex2(
                    context.raw,
                    Algorithms.aes256GCM.raw,
                    key,
                    nonce,
                    nil
                ) == 1
            }
        }
        guard started else { throw .openSSL(.internalFailure, "AES-GCM cannot start") }
        let succeeded = unsafe plaintext.withUnsafeBytes { plaintext in
            unsafe output.withUnsafeMutableBytes { output in
                let target = unsafe output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                guard let target = unsafe target else { return false }
                return unsafe encrypt(context, plaintext, additional, target)
            }
        }
        guard succeeded else {
            throw .openSSL(.internalFailure, "AES-GCM failed to encrypt \(count) bytes")
        }
    }

    /// Opens a ciphertext with its tag into `output`, which must have the plaintext's size. When
    /// the tag does not hold, `output` is cleansed before the error is thrown: unverified
    /// plaintext is never seen.
    ///
    /// - Throws: `authentication` if the tag does not hold, `format` if the bytes are shorter
    ///   than a tag, `internalFailure` if OpenSSL refuses.
    static func open(
        _ sealed: RawSpan,
        key: SecretKey,
        nonce: [UInt8],
        additional: [UInt8],
        into output: inout MutableRawSpan
    ) throws(SealingError) {
        let count = sealed.byteCount - tagBytes
        guard count >= 0 else {
            throw SealingError(.format, "\(sealed.byteCount) bytes are shorter than a tag")
        }
        precondition(output.byteCount == count, "room for \(output.byteCount) bytes, not \(count)")
        let tag = sealed.extracting(count..<sealed.byteCount).copyToArray()
        let context = try startedForOpening(key: key, nonce: nonce)
        let holds = unsafe sealed.withUnsafeBytes { sealed in
            unsafe output.withUnsafeMutableBytes { output in
                unsafe decrypt(context, sealed.baseAddress, additional, tag, output)
            }
        }
        guard holds else { throw .openSSL(.authentication, "the tag does not hold") }
    }

    /// Opens a ciphertext where it lies, which spares the memory's bandwidth. As
    /// ``open(_:key:nonce:additional:into:)`` otherwise: when the tag does not hold, all of `bytes`
    /// is cleansed.
    static func open(
        inPlace bytes: inout MutableRawSpan,
        tag: [UInt8],
        key: SecretKey,
        nonce: [UInt8],
        additional: [UInt8]
    ) throws(SealingError) {
        precondition(tag.count == tagBytes, "a tag of \(tag.count) bytes")
        let context = try startedForOpening(key: key, nonce: nonce)
        let holds = unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe decrypt(context, UnsafeRawPointer(bytes.baseAddress), additional, tag, bytes)
        }
        guard holds else { throw .openSSL(.authentication, "the tag does not hold") }
    }

    private static func startedForOpening(
        key: SecretKey,
        nonce: [UInt8]
    ) throws(SealingError) -> CipherContext {
        precondition(nonce.count == nonceBytes, "a nonce of \(nonce.count) bytes")
        let context = try CipherContext()
        let started = key.withBytes { key in
            unsafe key.withUnsafeBytes { key in
                let key = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return unsafe EVP_DecryptInit_ex2(
                    context.raw,
                    Algorithms.aes256GCM.raw,
                    key,
                    nonce,
                    nil
                ) == 1
            }
        }
        guard started else { throw .openSSL(.internalFailure, "AES-GCM cannot start") }
        return context
    }

    private static func encrypt(
        _ context: borrowing CipherContext,
        _ plaintext: UnsafeRawBufferPointer,
        _ additional: [UInt8],
        _ target: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        let source = unsafe plaintext.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let count = plaintext.count
        var written: Int32 = 0
        guard
            unsafe EVP_EncryptUpdate(
                context.raw,
                nil,
                &written,
                additional,
                Int32(additional.count)
            ) == 1
        else { return false }
        if count > 0 {
            guard
                unsafe EVP_EncryptUpdate(
                    context.raw,
                    target,
                    &written,
                    source,
                    Int32(count)
                ) == 1,
                Int(written) == count
            else { return false }
        }
        let tag = unsafe target + count
        // GCM writes nothing at the end; it is given a place where writing would do no harm.
        guard unsafe EVP_EncryptFinal_ex(context.raw, tag, &written) == 1 else { return false }
        return unsafe EVP_CIPHER_CTX_ctrl(
            context.raw,
            EVP_CTRL_AEAD_GET_TAG,
            Int32(tagBytes),
            tag
        ) == 1
    }

    /// Whether the tag holds; `output`, where `source` may lie too, is cleansed if not.
    private static func decrypt(
        _ context: borrowing CipherContext,
        _ source: UnsafeRawPointer?,
        _ additional: [UInt8],
        _ tag: [UInt8],
        _ output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let holds = unsafe decryptUnchecked(context, source, additional, tag, output)
        if !holds { unsafe OPENSSL_cleanse(output.baseAddress, output.count) }
        return holds
    }

    private static func decryptUnchecked(
        _ context: borrowing CipherContext,
        _ source: UnsafeRawPointer?,
        _ additional: [UInt8],
        _ tag: [UInt8],
        _ output: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let source = unsafe source?.assumingMemoryBound(to: UInt8.self)
        let target = unsafe output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let count = output.count
        var written: Int32 = 0
        guard
            unsafe EVP_DecryptUpdate(
                context.raw,
                nil,
                &written,
                additional,
                Int32(additional.count)
            ) == 1
        else { return false }
        if count > 0 {
            guard
                unsafe EVP_DecryptUpdate(
                    context.raw,
                    target,
                    &written,
                    source,
                    Int32(count)
                ) == 1,
                Int(written) == count
            else { return false }
        }
        // The call wants a pointer to change; it only reads the tag.
        var tag = tag
        guard
            unsafe EVP_CIPHER_CTX_ctrl(
                context.raw,
                EVP_CTRL_AEAD_SET_TAG,
                Int32(tagBytes),
                &tag
            ) == 1
        else { return false }
        var nothing = [UInt8](repeating: 0, count: tagBytes)
        return unsafe EVP_DecryptFinal_ex(context.raw, &nothing, &written) == 1
    }
}

/// One `EVP_CIPHER_CTX`, freed (and its key schedule cleansed by OpenSSL) with its owner.
@safe private struct CipherContext: ~Copyable {
    let raw: OpaquePointer

    init() throws(SealingError) {
        guard let raw = unsafe EVP_CIPHER_CTX_new() else {
            throw .openSSL(.internalFailure, "no cipher context")
        }
        unsafe self.raw = raw
    }

    deinit { unsafe EVP_CIPHER_CTX_free(raw) }
}
