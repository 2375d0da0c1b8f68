package import Platform

/// The files of a key folder by their names.
package enum KeyFileNames {
    private static let keyEndings = [".key", ".exec"]
    /// Of files that hold no secret: the salts of keys that a passphrase gives.
    private static let saltEnding = ".scrypt"

    /// The role of a file in a key folder; `nil` for one that no key provider reads.
    package static func role(of name: String) -> FileRole? {
        if name == SigningKeyFile.secretName { return .key }
        if name == SigningKeyFile.publicName || name == KeyFolder.currentName { return .trusted }
        if name == KeyFolder.retiredName { return .folder }
        guard name.hasPrefix(KeyFolder.prefix) else { return nil }
        if name.hasSuffix(saltEnding) { return .trusted }
        return keyEndings.contains { name.hasSuffix($0) } ? .key : nil
    }
}
