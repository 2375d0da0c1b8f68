internal import Glibc

/// The stream to the process that started this one by ``ChildProcess``: its standard input. Calls
/// block.
package struct ParentStream: Sendable {
    private static let descriptor: Int32 = 0

    /// Takes the standard input; nil if that is not such a stream.
    package init?() {
        var status = stat()
        guard unsafe fstat(Self.descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK
        else { return nil }
    }

    /// The next message.
    ///
    /// - Throws: `format` if it ends before, or the message is longer than
    ///   ``ProcessMessages/maxBytes``.
    package func message() throws(SealingError) -> [UInt8] {
        var messages = ProcessMessages()
        try messages.append(bytes(ProcessMessages.lengthBytes))
        try messages.append(bytes(messages.missingBytes))
        guard let message = messages.next() else {
            throw SealingError(.format, "the parent's message is not whole")
        }
        return message
    }

    /// A key, whose bytes come as they are.
    ///
    /// - Throws: `format` if the stream ends before, `limit` if no memory can be locked.
    package func key() throws(SealingError) -> SecretKey {
        try SecretKey { (bytes: inout MutableRawSpan) throws(SealingError) in
            try Self.fill(&bytes)
        }
    }

    /// Sends a message; a parent that is gone does not miss it.
    package func send(_ message: [UInt8]) {
        var left = ProcessMessages.encoded(message)[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes { source in
                unsafe Glibc.send(
                    Self.descriptor,
                    source.baseAddress,
                    source.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
            guard count > 0 || errno == EINTR else { return }
            left = left.dropFirst(max(count, 0))
        }
    }

    private func bytes(_ count: Int) throws(SealingError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        var raw = unsafe span.mutableBytes
        try Self.fill(&raw)
        return bytes
    }

    private static func fill(_ bytes: inout MutableRawSpan) throws(SealingError) {
        var done = 0
        while done < bytes.byteCount {
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                return unsafe recv(descriptor, rest.baseAddress, rest.count, 0)
            }
            guard count > 0 || (count < 0 && errno == EINTR) else {
                throw SealingError(.format, "the parent's message ends after \(done) bytes")
            }
            done += max(count, 0)
        }
    }
}
