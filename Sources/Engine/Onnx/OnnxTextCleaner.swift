internal import Glibc
internal import Text

/// Removes from a text what concerns the server and not the model: source places and codes of the
/// runtime, paths of this machine and of the one that built the runtime, and addresses.
///
/// Names of tensors often look like paths, as `/encoder/MatMul_output_0` does. A path is therefore
/// told by its first folder: one that systems have, or the one that this process was started in.
struct OnnxTextCleaner {
    private let bytes: [UInt8]
    private let maxBytes: Int
    private var position = 0
    private var result: [UInt8] = []

    /// Bytes of a text that are looked at.
    private static let maxReadBytes = 16 << 10
    private static let pathMark = "[path]"
    private static let addressMark = "[address]"

    private static let systemFolders = [
        "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "lost+found",
        "media", "mnt", "nix", "onnxruntime_src", "opt", "proc", "root", "run", "sbin", "snap",
        "srv", "sys", "tmp", "usr", "var",
    ]

    /// The first folders of paths.
    private static let folders: Set<[UInt8]> = {
        var folders = Set(systemFolders.map { Array($0.utf8) })
        guard let path = unsafe getcwd(nil, 0) else { return folders }
        let own = unsafe String(cString: path).utf8.split(separator: UInt8(ascii: "/")).first
        if let own { folders.insert(Array(own)) }
        unsafe free(path)
        return folders
    }()

    /// - Parameter maxBytes: Of the result; it is cut behind them.
    init(_ text: ArraySlice<UInt8>, maxBytes: Int) {
        bytes = Array(text.prefix(Self.maxReadBytes))
        self.maxBytes = maxBytes
    }

    /// The cleaned text, on one line.
    mutating func clean() -> String {
        while position < bytes.count {
            guard isAtWord, skipUnwanted() else {
                take(bytes[position])
                position += 1
                continue
            }
        }
        while result.last == UInt8(ascii: " ") { result.removeLast() }
        return cut(String(decoding: result, as: UTF8.self).escaped)
    }

    /// Whether a word begins here.
    private var isAtWord: Bool {
        guard position > 0 else { return true }
        let before = bytes[position - 1]
        return !before.isOfIdentifier && before < 0x80 && before != UInt8(ascii: "/")
            && before != UInt8(ascii: ".")
    }

    /// Adds a byte; spaces and line breaks in a row become one space.
    private mutating func take(_ byte: UInt8) {
        guard byte.isSpace else { return result.append(byte) }
        if let last = result.last, last != UInt8(ascii: " ") { result.append(UInt8(ascii: " ")) }
    }

    private mutating func skipUnwanted() -> Bool {
        if let end = OnnxSourcePlace(in: bytes, at: position)?.end
            ?? OnnxSourcePlace.endOfCode(in: bytes, at: position)
        {
            position = end
            return true
        }
        if let end = endOfPath {
            position = end
            result += Self.pathMark.utf8
            return true
        }
        if let end = endOfAddress {
            position = end
            result += Self.addressMark.utf8
            return true
        }
        return false
    }

    private var endOfAddress: Int? {
        guard bytes[position...].starts(with: "0x".utf8) else { return nil }
        var end = position + 2
        while end < bytes.count, bytes[end].isHexDigit { end += 1 }
        return end > position + 2 ? end : nil
    }

    private var endOfPath: Int? {
        guard bytes[position] == UInt8(ascii: "/") else { return nil }
        let start = position + 1
        let quote = position > 0 ? bytes[position - 1] : 0
        let isQuoted = quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
        func isEnd(_ byte: UInt8) -> Bool {
            isQuoted ? byte == quote : byte.isSpace || "\"'()[]{},;:".utf8.contains(byte)
        }
        let end = bytes[start...].firstIndex(where: isEnd) ?? bytes.count
        let folder = bytes[start..<end].prefix { $0 != UInt8(ascii: "/") }
        return Self.folders.contains(Array(folder)) ? end : nil
    }

    private func cut(_ text: String) -> String {
        guard text.utf8.count > maxBytes else { return text }
        var cut = ""
        for scalar in text.unicodeScalars {
            guard cut.utf8.count + UTF8.width(scalar) <= maxBytes else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut + "..."
    }
}
