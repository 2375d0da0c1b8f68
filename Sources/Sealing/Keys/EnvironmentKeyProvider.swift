internal import Glibc

/// Key-encryption keys from the environment: 64 hexadecimal digits in a variable, and where the
/// key was changed, the one before in the variable of that name with `_PREVIOUS`.
///
/// What can read the process's environment has the keys; the variables are left as they are,
/// since clearing them would not clear the copies that started the process.
package struct EnvironmentKeyProvider: RingKeyProvider {
    private static let digits = 2 * SecretKey.byteCount
    private static let previousSuffix = "_PREVIOUS"

    let ring: KeyRing
    private let variable: String

    package var kind: String { "environment" }

    /// Reads the variables.
    ///
    /// - Throws: `keyMissing` if the first is not set, `format` unless one that is set has 64
    ///   hexadecimal digits.
    package init(variable: String) throws(SealingError) {
        guard let current = try Self.key(in: variable) else {
            throw SealingError(.keyMissing, "the environment variable \(variable) is not set")
        }
        let previous = try Self.key(in: variable + Self.previousSuffix)
        ring = KeyRing(current: current, others: previous.map { [$0] } ?? [])
        self.variable = variable
    }

    var place: String { "\(variable), which holds key \(ring.current.id)" }

    /// The environment is not this process's to change.
    package func addKey() throws(SealingError) -> Bool { false }

    /// A key that nothing counts on is simply not used: whoever set its variable takes it away.
    package func retireKey(_ id: String) throws(SealingError) { ring.forget(id) }

    private static func key(in variable: String) throws(SealingError) -> KeyEncryptionKey? {
        guard let value = unsafe getenv(variable) else { return nil }
        let count = unsafe strnlen(value, Self.digits + 1)
        guard count == Self.digits else { throw malformed(variable) }
        // Digit by digit into key memory: a String or an array would leave a copy behind.
        return KeyEncryptionKey(
            try SecretKey { (key: inout MutableRawSpan) throws(SealingError) in
                for index in 0..<SecretKey.byteCount {
                    guard let high = digit(unsafe value[2 * index]),
                        let low = digit(unsafe value[2 * index + 1])
                    else { throw malformed(variable) }
                    key.storeBytes(of: high << 4 | low, toByteOffset: index, as: UInt8.self)
                }
            }
        )
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
