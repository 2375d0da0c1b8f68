internal import Text

/// The names of models and aliases: `[a-z0-9][a-z0-9._-]{0,63}`, not all digits (that would be a
/// version), not `latest`.
enum Name {
    private static let reserved = "latest"

    /// Refuses anything else.
    ///
    /// - Parameter what: What is named, for the message.
    static func check(_ name: String, of what: String) throws(RegistryError) {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, bytes.count <= Limits.maxNameBytes,
            isAlphanumeric(first), bytes.allSatisfy(isAllowed)
        else {
            throw RegistryError(
                .invalidArgument,
                "\(what) name \(quoted(name)): expected 1 to \(Limits.maxNameBytes) of a-z, "
                    + "0-9, '.', '_', '-', "
                    + "beginning with a letter or digit"
            )
        }
        guard !bytes.allSatisfy(isDigit) else {
            throw RegistryError(
                .invalidArgument,
                "\(what) name \(quoted(name)): all digits, which names a version"
            )
        }
        guard name != reserved else {
            throw RegistryError(.invalidArgument, "\(what) name \(quoted(name)) is reserved")
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || "._-".utf8.contains(byte)
    }
}
