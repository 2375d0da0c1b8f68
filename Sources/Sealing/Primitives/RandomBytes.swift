internal import COpenSSL

/// Random bytes from OpenSSL's generator, which the system seeds.
package enum RandomBytes {
    /// `count` random bytes for what is public: ids, salts, nonces. Keys come from
    /// ``SecretKey/random()``, which uses a generator of its own.
    ///
    /// - Throws: `randomness` if the generator fails.
    package static func make(count: Int) throws(SealingError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe RAND_bytes(&bytes, Int32(count)) == 1 else {
            throw .openSSL(.randomness, "the random generator failed")
        }
        return bytes
    }

    /// Fills `bytes` from the generator for private values, whose state is kept apart from what
    /// the outside sees.
    static func fillPrivate(_ bytes: inout MutableRawSpan) throws(SealingError) {
        let status = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe RAND_priv_bytes(
                buffer.baseAddress?.assumingMemoryBound(to: UInt8.self),
                Int32(buffer.count)
            )
        }
        guard status == 1 else { throw .openSSL(.randomness, "the random generator failed") }
    }
}
