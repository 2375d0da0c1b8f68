internal import Glibc

/// A failure to enter the sandbox, or to limit the process.
package struct SandboxError: Error, Equatable, CustomStringConvertible {
    /// The step that failed, for the end of "the sandbox cannot be entered: ".
    package let step: String
    /// The system's error number; 0 where it gave none.
    package let errno: Int32

    init(_ step: String, errno: Int32 = 0) {
        self.step = step
        self.errno = errno
    }

    package var description: String {
        "the sandbox cannot be entered: " + step
            + (errno == 0 ? "" : ": " + ErrorNumber.text(errno))
    }
}

/// Error numbers of the system as text.
enum ErrorNumber {
    private static let names: [Int32: String] = [
        EPERM: "EPERM", EACCES: "EACCES", ENOSYS: "ENOSYS", EINVAL: "EINVAL", ESRCH: "ESRCH",
        EFAULT: "EFAULT", EBADF: "EBADF", ENOENT: "ENOENT", EOPNOTSUPP: "EOPNOTSUPP",
        EAGAIN: "EAGAIN", ENOMEM: "ENOMEM", ECONNREFUSED: "ECONNREFUSED", ENOTCONN: "ENOTCONN",
    ]

    /// The symbol of an error number, such as `EACCES`.
    static func name(_ number: Int32) -> String { names[number] ?? "error \(number)" }

    /// The description of an error number.
    static func text(_ number: Int32) -> String {
        // The POSIX form, which writes into the buffer and returns an error number.
        var buffer = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(number, &buffer, buffer.count) == 0 else {
            return "errno \(number)"
        }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
