/// Where the key-encryption keys come from: the value of the setting `keys`.
package enum KeySource: Sendable, Equatable {
    /// A folder of key files.
    case folder(String)
    /// An environment variable.
    case environment(variable: String)

    private static let environmentPrefix = "env:"
    private static let commandPrefix = "exec:"
    private static let passphrase = "passphrase"

    /// Reads `DIR` or `env:VAR`. A folder whose name looks like another source is written with
    /// its path (`./passphrase`).
    ///
    /// - Throws: `format` for an empty folder or an impossible variable name; `keyAccess` for
    ///   `passphrase` and `exec:CMD`, which are reserved and not available yet.
    package static func parse(_ text: String) throws(SealingError) -> KeySource {
        if text.hasPrefix(environmentPrefix) {
            let variable = String(text.dropFirst(environmentPrefix.count))
            guard !variable.isEmpty, !variable.utf8.contains(where: { $0 == 0 || $0 == 0x3D })
            else {
                throw SealingError(
                    .format,
                    "keys: \(text) names no environment variable; expected env:VAR"
                )
            }
            return .environment(variable: variable)
        }
        if text == passphrase || text.hasPrefix(commandPrefix) {
            throw SealingError(
                .keyAccess,
                "keys: \(text) is not available yet; expected a folder or env:VAR"
            )
        }
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw SealingError(.format, "keys: no source; expected a folder or env:VAR")
        }
        return .folder(text)
    }

    /// Opens keys that exist.
    ///
    /// - Throws: As ``FolderKeyProvider/init(folder:)`` and
    ///   ``EnvironmentKeyProvider/init(variable:)``.
    package func open() throws(SealingError) -> any KeyProvider {
        switch self {
        case .folder(let folder): try FolderKeyProvider(folder: folder)
        case .environment(let variable): try EnvironmentKeyProvider(variable: variable)
        }
    }

    /// Makes a first key where the source can hold one, and opens it. An environment variable
    /// must be set already.
    ///
    /// - Throws: As ``FolderKeyProvider/create(in:)`` and
    ///   ``EnvironmentKeyProvider/init(variable:)``.
    package func create() throws(SealingError) -> any KeyProvider {
        switch self {
        case .folder(let folder): try FolderKeyProvider.create(in: folder)
        case .environment(let variable): try EnvironmentKeyProvider(variable: variable)
        }
    }
}
