internal import Glibc

/// One key-encryption key from an environment variable: 64 hexadecimal digits.
///
/// What can read the process's environment has the key; the variable is left as it is, since
/// clearing it would not clear the copies that started the process.
package struct EnvironmentKeyProvider: KeyProvider {
    private static let digits = 2 * SecretKey.byteCount

    private let key: KeyEncryptionKey
    private let variable: String

    /// Reads the variable.
    ///
    /// - Throws: `keyMissing` if it is not set, `format` unless it has 64 hexadecimal digits.
    package init(variable: String) throws(SealingError) {
        guard let value = unsafe getenv(variable) else {
            throw SealingError(.keyMissing, "the environment variable \(variable) is not set")
        }
        let count = unsafe strnlen(value, Self.digits + 1)
        guard count == Self.digits else {
            throw Self.malformed(variable)
        }
        // Digit by digit into key memory: a String or an array would leave a copy behind.
        let secret = try SecretKey { (key: inout MutableRawSpan) throws(SealingError) in
            for index in 0..<SecretKey.byteCount {
                guard let high = Self.digit(unsafe value[2 * index]),
                    let low = Self.digit(unsafe value[2 * index + 1])
                else { throw Self.malformed(variable) }
                key.storeBytes(of: high << 4 | low, toByteOffset: index, as: UInt8.self)
            }
        }
        key = KeyEncryptionKey(secret)
        self.variable = variable
    }

    /// The id of the one key.
    package var currentKeyID: String { key.id }

    package var keyIDs: [String] { [key.id] }

    /// Wraps under the one key, as ``KeyProvider/wrap(_:context:)`` says.
    package func wrap(
        _ key: SecretKey,
        context: WrapContext
    ) throws(SealingError) -> WrappedKey {
        try self.key.wrap(key, context: context)
    }

    /// Unwraps what the one key wrapped, as ``KeyProvider/unwrap(_:context:)`` says.
    package func unwrap(
        _ wrapped: WrappedKey,
        context: WrapContext
    ) throws(SealingError) -> SecretKey {
        guard wrapped.kekID == key.id else {
            throw SealingError(
                .keyMissing,
                "key \(wrapped.kekID) is needed; \(variable) holds key \(key.id)"
            )
        }
        return try key.unwrap(wrapped, context: context)
    }

    /// Upper-case digits are taken too: this text comes from people's tools, and is not compared.
    private static func digit(_ character: CChar) -> UInt8? {
        let byte = UInt8(bitPattern: character)
        return switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: Hex.value(byte)
        }
    }

    private static func malformed(_ variable: String) -> SealingError {
        SealingError(
            .format,
            "the environment variable \(variable) does not hold \(digits) hexadecimal digits"
        )
    }
}
