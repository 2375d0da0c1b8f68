internal import COpenSSL

/// Comparison whose time does not depend on where two values differ.
enum ConstantTime {
    /// Whether both have the same bytes; the lengths are not secret.
    static func equal(_ left: RawSpan, _ right: RawSpan) -> Bool {
        let count = left.byteCount
        guard count == right.byteCount else { return false }
        guard count > 0 else { return true }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, count) == 0
            }
        }
    }

    /// Whether both have the same bytes.
    static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.withRawSpan { left in right.withRawSpan { right in equal(left, right) } }
    }
}
