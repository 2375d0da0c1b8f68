internal import Glibc

/// Reads small files of proc(5), which tell no size.
enum ProcFile {
    private static let maxBytes = 1 << 16

    /// The file's text, up to 64 KiB; `nil` when it cannot be read.
    static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maxBytes)
        var filled = 0
        while filled < maxBytes {
            let count = unsafe bytes.withUnsafeMutableBytes { space in
                unsafe Glibc.read(
                    descriptor,
                    space.baseAddress?.advanced(by: filled),
                    maxBytes - filled
                )
            }
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            filled += count
        }
        return String(decoding: bytes[..<filled], as: UTF8.self)
    }
}
