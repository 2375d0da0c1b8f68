internal import Glibc
internal import Text

/// The passphrase, and before it was changed the ones that open older keys.
///
/// It comes from the file that `$STRONGROOM_PASSPHRASE_FILE` names (closed to group and others;
/// the first line is the present one; a byte order mark and carriage returns at the ends of lines
/// do not count) or from the terminal, without echo. Never as an argument.
package struct Passphrases: Sendable {
    package static let fileVariable = "STRONGROOM_PASSPHRASE_FILE"

    private let text: SecretBuffer
    private let lines: [Range<Int>]
    /// The lines that were trimmed, as they are in the file: earlier releases made keys of these.
    private let untrimmed: [Range<Int>]

    /// Reads the file, or asks.
    ///
    /// - Parameters:
    ///   - isNew: Whether it is to be typed twice.
    ///   - calls: Read the file, and judge it by their rules.
    /// - Throws: `keyMissing` without file and terminal; `keyAccess` for a file that cannot be
    ///   read or is open to others; `format` for an empty passphrase or two that differ; `limit`.
    package static func read(
        isNew: Bool,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) -> Passphrases {
        if let path = unsafe getenv(fileVariable) {
            return try Passphrases(file: unsafe String(cString: path), calls: calls)
        }
        let first = try TerminalSecret.ask("passphrase: ")
        if isNew {
            let second = try TerminalSecret.ask("the same passphrase again: ")
            let isSame = first.withBytes { one in
                second.withBytes { other in ConstantTime.equal(one, other) }
            }
            guard isSame else { throw SealingError(.format, "the two passphrases differ") }
        }
        return try Passphrases(first)
    }

    /// - Throws: as ``read(isNew:calls:)``.
    package init(
        file path: String,
        calls: any FileCalls = SystemCalls()
    ) throws(SealingError) {
        try self.init(
            try KeyFiles(calls).readSecret(path, maxBytes: SealingLimits.maxPassphraseBytes)
        )
    }

    init(_ text: SecretBuffer) throws(SealingError) {
        let whole = text.withBytes { Self.lines(of: $0) }
        let lines = whole.enumerated().map { index, line in
            text.withBytes { Self.trimmed(line, isFirst: index == 0, in: $0) }
        }
        guard !lines.isEmpty, lines.allSatisfy({ !$0.isEmpty }) else {
            throw SealingError(.format, "the passphrase is empty, or a line of its file is")
        }
        guard lines.count <= SealingLimits.maxPassphrases else {
            throw SealingError(
                .limit,
                "\(lines.count) passphrases, at most \(SealingLimits.maxPassphrases) are taken"
            )
        }
        self.text = text
        self.lines = lines
        untrimmed = zip(whole, lines).filter { $0 != $1 }.map(\.0)
    }

    private static func lines(of bytes: RawSpan) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for offset in 0...bytes.byteCount {
            let isEnd = offset == bytes.byteCount
            guard isEnd || bytes.byte(at: offset) == UInt8(ascii: "\n") else { continue }
            if !(isEnd && start == offset) { lines.append(start..<offset) }
            start = offset + 1
        }
        return lines
    }

    /// The line without the carriage return of an editor that writes two characters for a line's
    /// end, and without the byte order mark of one that begins a file with it.
    private static func trimmed(
        _ line: Range<Int>,
        isFirst: Bool,
        in bytes: RawSpan
    ) -> Range<Int> {
        var line = line
        let mark = ByteOrderMark.bytes
        let hasMark =
            isFirst && line.count >= mark.count
            && mark.indices.allSatisfy { bytes.byte(at: $0) == mark[$0] }
        if hasMark { line = line.lowerBound + mark.count..<line.upperBound }
        if let last = line.last, bytes.byte(at: last) == UInt8(ascii: "\r") {
            line = line.lowerBound..<last
        }
        return line
    }

    /// The first key that a passphrase gives and `isWanted`; `nil` if none does.
    func firstKey(
        _ parameters: ScryptParameters,
        where isWanted: (KeyEncryptionKey) -> Bool
    ) throws(SealingError) -> KeyEncryptionKey? {
        for line in lines + untrimmed {
            let key = try text.withBytes { (bytes: RawSpan) throws(SealingError) in
                try parameters.key(bytes.extracting(line))
            }
            if isWanted(key) { return key }
        }
        return nil
    }
}

/// One line from the process's terminal, read byte by byte into memory of its own.
enum TerminalSecret {
    static func ask(_ prompt: String) throws(SealingError) -> SecretBuffer {
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else {
            throw SealingError(
                .keyMissing,
                "there is no terminal to ask for the passphrase, and "
                    + "$\(Passphrases.fileVariable) names no file"
            )
        }
        defer { close(terminal) }
        var before = termios()
        guard unsafe tcgetattr(terminal, &before) == 0 else {
            throw .system(.keyAccess, "cannot set the terminal", errno: errno)
        }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard unsafe tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else {
            throw .system(.keyAccess, "cannot set the terminal", errno: errno)
        }
        defer {
            _ = unsafe tcsetattr(terminal, TCSAFLUSH, &before)
            show("\n", on: terminal)
        }
        show(prompt, on: terminal)
        return try readLine(terminal)
    }

    private static func show(_ text: String, on terminal: Int32) {
        let bytes = Array(text.utf8)
        _ = unsafe write(terminal, bytes, bytes.count)
    }

    private static func readLine(_ terminal: Int32) throws(SealingError) -> SecretBuffer {
        let limit = SealingLimits.maxPassphraseBytes
        let typed = try SecretBuffer(byteCount: limit)
        var count = 0
        while count < limit {
            let isByte = typed.withMutableBytes(count..<count + 1) { bytes in
                unsafe bytes.withUnsafeMutableBytes { target in
                    unsafe read(terminal, target.baseAddress, 1) == 1
                }
            }
            guard isByte else { break }
            let isEnd = typed.withBytes { $0.byte(at: count) == UInt8(ascii: "\n") }
            if isEnd {
                let line = try SecretBuffer(byteCount: count)
                line.withMutableBytes(0..<count) { target in
                    typed.withBytes { target.copy($0.extracting(0..<count), at: 0) }
                }
                return line
            }
            count += 1
        }
        throw SealingError(.limit, "no passphrase of at most \(limit) bytes was typed")
    }
}
