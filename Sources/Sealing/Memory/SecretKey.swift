internal import COpenSSL

/// 32 bytes of key: a data key, a key-encryption key, or a signing seed.
///
/// The bytes live in locked memory that core dumps leave out, and are cleansed when the last
/// reference goes. There is no description and no encoding; comparison takes constant time.
package final class SecretKey: Sendable, Equatable {
    /// The bytes of every key.
    package static let byteCount = SealingLimits.keyBytes

    private let memory: LockedMemory

    /// A new key from the system's generator for private values.
    ///
    /// - Throws: `randomness` if the generator fails, `limit` if no memory can be locked.
    package static func random() throws(SealingError) -> SecretKey {
        try SecretKey { (bytes: inout MutableRawSpan) throws(SealingError) in
            try RandomBytes.fillPrivate(&bytes)
        }
    }

    /// A key with a copy of `bytes`. The caller cleanses its own copy.
    ///
    /// - Throws: `format` unless there are 32 bytes, `limit` if no memory can be locked.
    package convenience init(copying bytes: RawSpan) throws(SealingError) {
        guard bytes.byteCount == Self.byteCount else {
            throw SealingError(
                .format,
                "a key has \(Self.byteCount) bytes, not \(bytes.byteCount)"
            )
        }
        try self.init { (key: inout MutableRawSpan) throws(SealingError) in
            key.copy(bytes, at: 0)
        }
    }

    /// A key whose bytes `fill` writes in place, so that no copy is left anywhere else.
    init(
        filling fill: (inout MutableRawSpan) throws(SealingError) -> Void
    ) throws(SealingError) {
        memory = try LockedMemory.make(byteCount: Self.byteCount, filling: fill)
    }

    /// Lends the bytes; the span is valid only inside `body`, which must not copy them.
    package func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        try memory.withBytes(body)
    }

    /// Whether both have the same bytes, in constant time.
    package static func == (left: SecretKey, right: SecretKey) -> Bool {
        left.withBytes { left in
            right.withBytes { right in ConstantTime.equal(left, right) }
        }
    }
}
