internal import Platform

/// Key-encryption keys that a command of the operator's wraps and unwraps: what a key service, a
/// hardware module or a vault plugs into.
///
/// It is an envelope: the command wraps each key-encryption key once, when it is made, and
/// `kek-<id>.exec` holds what it answered; at each start every such file is unwrapped. So the
/// service is needed when the server starts and not while it serves, no load starts a process,
/// and a rotation of thousands of data keys asks the service once.
package struct CommandKeyProvider: RingKeyProvider {
    let ring: KeyRing
    let place = "the key folder"
    private let folder: KeyFolder
    private let command: KeyCommand

    package var kind: String { "command" }

    /// Unwraps all keys of a folder.
    ///
    /// - Throws: `keyAccess` if the command fails, `format` if it answers another key.
    package init(
        folder path: String,
        command text: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) {
        let folder = KeyFolder(path: path, suffix: ".exec", files: KeyFiles(calls))
        let command = try KeyCommand(text, trust: calls.trust)
        ring = try folder.ring { id throws(SealingError) in
            let wrapped = try folder.files.readSmall(folder.path(of: id), as: .key)
            let input = try SecretBuffer(copying: wrapped)
            let answer = try command.run("unwrap", id: id, input: input)
            return KeyEncryptionKey(try SecretBase64.key(from: answer))
        }
        self.folder = folder
        self.command = command
    }

    /// Makes a first key.
    ///
    /// - Throws: `keyAccess` if the folder names a current key already or the command fails.
    package static func create(
        in path: String,
        command text: String
    ) throws(SealingError) -> CommandKeyProvider {
        let folder = KeyFolder(path: path, suffix: ".exec", files: .system)
        try folder.checkUnused()
        try newKey(in: folder, try KeyCommand(text))
        return try CommandKeyProvider(folder: path, command: text)
    }

    package func addKey() throws(SealingError) -> Bool {
        try Self.newKey(in: folder, command, ring)
        return true
    }

    package func retireKey(_ id: String) throws(SealingError) {
        try folder.retire(id)
        ring.forget(id)
    }

    package func retiredKeyIDs() throws(SealingError) -> [String] { try folder.retiredIDs() }

    private static func newKey(
        in folder: KeyFolder,
        _ command: KeyCommand,
        _ ring: KeyRing? = nil
    ) throws(SealingError) {
        let secret = try SecretKey.random()
        let key = KeyEncryptionKey(secret)
        let answer = try command.run("wrap", id: key.id, input: try SecretBase64.line(of: secret))
        // Asked back before anything counts on it.
        let again = try command.run("unwrap", id: key.id, input: answer)
        guard try SecretBase64.key(from: again) == secret else {
            throw SealingError(
                .format,
                "the key command does not unwrap what it wrapped"
            )
        }
        try answer.withBytes { (line: RawSpan) throws(SealingError) in
            try folder.add(key, content: line, to: ring)
        }
    }
}

/// A key as one line of base64 (RFC 4648), in memory that is wiped: no array, no string.
enum SecretBase64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    /// 32 bytes in 43 characters and a `=`.
    private static let characters = 44

    /// With its line feed.
    static func line(of key: SecretKey) throws(SealingError) -> SecretBuffer {
        let line = try SecretBuffer(byteCount: characters + 1)
        line.withMutableBytes(0..<characters + 1) { target in
            key.withBytes { bytes in
                for group in 0..<characters / 4 {
                    var bits: UInt32 = 0
                    for index in 0..<3 {
                        let offset = group * 3 + index
                        let byte = offset < bytes.byteCount ? bytes.byte(at: offset) : 0
                        bits = bits << 8 | UInt32(byte)
                    }
                    for index in 0..<4 {
                        let character = alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)]
                        let place = group * 4 + index
                        target.storeBytes(of: character, toByteOffset: place, as: UInt8.self)
                    }
                }
            }
            target.storeBytes(of: UInt8(ascii: "="), toByteOffset: characters - 1, as: UInt8.self)
            target.storeBytes(of: UInt8(ascii: "\n"), toByteOffset: characters, as: UInt8.self)
        }
        return line
    }

    /// - Throws: `format` for anything but such a line, its line feed optional.
    static func key(from line: SecretBuffer) throws(SealingError) -> SecretKey {
        try line.withBytes { (text: RawSpan) throws(SealingError) in
            var count = text.byteCount
            if count > 0, text.byte(at: count - 1) == UInt8(ascii: "\n") { count -= 1 }
            guard count == characters, text.byte(at: count - 1) == UInt8(ascii: "=") else {
                throw malformed
            }
            return try SecretKey { (key: inout MutableRawSpan) throws(SealingError) in
                var bits: UInt32 = 0
                var held = 0
                var written = 0
                for offset in 0..<characters - 1 {
                    guard let value = alphabet.firstIndex(of: text.byte(at: offset)) else {
                        throw malformed
                    }
                    bits = bits << 6 | UInt32(value)
                    held += 6
                    guard held >= 8 else { continue }
                    held -= 8
                    let byte = UInt8(truncatingIfNeeded: bits >> UInt32(held))
                    key.storeBytes(of: byte, toByteOffset: written, as: UInt8.self)
                    written += 1
                }
                guard written == SecretKey.byteCount, bits & ((1 << UInt32(held)) - 1) == 0 else {
                    throw malformed
                }
            }
        }
    }

    private static let malformed = SealingError(
        .format,
        "the key command did not answer one line of base64 of 32 bytes"
    )
}
