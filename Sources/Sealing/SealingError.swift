internal import COpenSSL
internal import Glibc

/// What went wrong when sealing, opening, wrapping, signing or reading a key.
///
/// Equality is by ``code`` alone: the message is for people. It is the operator's text: it may
/// name a path or a key id, never the bytes of a key or of a plaintext.
package struct SealingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure that a caller treats differently.
    package enum Code: String, Sendable {
        /// A tag, a commitment, a MAC or a context did not hold: altered, or another key's bytes.
        case authentication
        /// Bytes or text that do not have the form they must have.
        case format
        /// A key that is needed does not exist here.
        case keyMissing
        /// A key exists, and may not or cannot be used: its mode, its file, its source.
        case keyAccess
        /// The system gave no random bytes.
        case randomness
        /// A size, a count or a system limit was passed; also the room on a disk.
        case limit
        /// The disk failed under a file of keys: what was written may be lost, and trying again
        /// would hide that.
        case notDurable
        /// OpenSSL or the system failed where only a lack of memory or a defect can be the cause.
        case internalFailure
    }

    /// The kind of failure.
    package let code: Code
    /// What was wrong and what was expected, for the operator.
    package let message: String

    /// An error of this kind, with the operator's text.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the text.
    package var description: String { "\(code.rawValue): \(message)" }

    /// Whether both are of one kind.
    package static func == (left: SealingError, right: SealingError) -> Bool {
        left.code == right.code
    }
}

extension SealingError {
    /// An error that carries what OpenSSL left in this thread's error queue, and empties the
    /// queue, so that the next reader of it does not take these entries for its own.
    static func openSSL(_ code: Code, _ message: String) -> SealingError {
        var reasons: [String] = []
        while true {
            let error = ERR_get_error()
            if error == 0 { break }
            // NULL for a code without a registered text (a system error, say).
            if let reason = unsafe ERR_reason_error_string(error) {
                reasons.append(unsafe String(cString: reason))
            } else {
                reasons.append("error \(error)")
            }
        }
        guard !reasons.isEmpty else { return SealingError(code, message) }
        return SealingError(code, "\(message): \(reasons.joined(separator: ", "))")
    }

    /// An error that carries the text of `errno`; read it before any other call can change it.
    static func system(_ code: Code, _ message: String, errno number: Int32) -> SealingError {
        // The POSIX form, which writes into the buffer and returns an error number.
        var buffer = [CChar](repeating: 0, count: 128)
        let status = unsafe strerror_r(number, &buffer, buffer.count)
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let text = status == 0 ? String(decoding: bytes, as: UTF8.self) : "errno \(number)"
        return SealingError(code, "\(message): \(text)")
    }
}
