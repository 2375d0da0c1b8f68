/// Where the key-encryption keys come from: the value of the setting `keys`.
package enum KeySource: Sendable, Equatable {
    /// A folder of key files.
    case folder(String)
    /// An environment variable.
    case environment(variable: String)
    /// A passphrase, from a file or the terminal.
    case passphrase
    /// A command of the operator's.
    case command(String)

    private static let environmentPrefix = "env:"
    private static let commandPrefix = "exec:"
    private static let passphraseName = "passphrase"
    private static let expected = "expected a folder, env:VAR, passphrase or exec:CMD"

    /// Reads `DIR`, `env:VAR`, `passphrase` or `exec:CMD`. A folder whose name looks like another
    /// source is written with its path (`./passphrase`).
    ///
    /// - Throws: `format` for an empty folder or command, or an impossible variable name.
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
        if text == passphraseName { return .passphrase }
        if text.hasPrefix(commandPrefix) {
            let command = String(text.dropFirst(commandPrefix.count))
            guard command.contains(where: { $0 != " " }), !command.utf8.contains(0) else {
                throw SealingError(.format, "keys: exec: names no command; expected exec:CMD")
            }
            return .command(command)
        }
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw SealingError(.format, "keys: no source; \(expected)")
        }
        return .folder(text)
    }

    /// Opens keys that exist.
    ///
    /// - Parameters:
    ///   - folder: Where files lie of a source that is no folder itself.
    ///   - calls: Read the files, and judge them by their rules.
    /// - Throws: As the providers' own initialisers.
    package func open(
        beside folder: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) -> any KeyProvider {
        switch self {
        case .folder(let folder): try FolderKeyProvider(folder: folder, calls: calls)
        case .environment(let variable): try EnvironmentKeyProvider(variable: variable)
        case .passphrase:
            try PassphraseKeyProvider(
                folder: folder,
                passphrases: .read(isNew: false, calls: calls),
                calls: calls
            )
        case .command(let command):
            try CommandKeyProvider(folder: folder, command: command, calls: calls)
        }
    }

    /// Makes a first key where the source can hold one, and opens it. An environment variable
    /// must be set already.
    ///
    /// - Throws: As the providers' own ways to make one.
    package func create(beside folder: String) throws(SealingError) -> any KeyProvider {
        switch self {
        case .folder(let folder): try FolderKeyProvider.create(in: folder)
        case .environment(let variable): try EnvironmentKeyProvider(variable: variable)
        case .passphrase:
            try PassphraseKeyProvider.create(in: folder, passphrases: .read(isNew: true))
        case .command(let command): try CommandKeyProvider.create(in: folder, command: command)
        }
    }
}
