internal import Glibc
package import Platform

/// The content of a small file of a home, read whole from a descriptor whose kind, owner and mode
/// were judged. Opening it never waits: a FIFO or a device of its name is refused.
package struct TrustedFile: Sendable {
    /// Configuration, grants and keys' public halves are smaller by far.
    package static let maxBytes = 16 << 20

    package let bytes: [UInt8]
    private let path: String
    private let status: FileStatus
    private let rules: FileTrust

    /// - Parameter maxBytes: more are refused, before they are read.
    /// - Throws: ``ServerError`` that names the file, what it is and what is expected.
    package init(
        _ path: String,
        _ rules: FileTrust,
        maxBytes: Int = TrustedFile.maxBytes
    ) throws(ServerError) {
        self.path = path
        self.rules = rules
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard file >= 0 else { throw Files.failure("\(path) cannot be read") }
        defer { close(file) }
        guard let status = FileStatus(descriptor: file) else {
            throw Files.failure("\(path) cannot be read")
        }
        self.status = status
        try Self.check(status, path, .trusted, rules)
        guard status.byteCount <= maxBytes else {
            throw ServerError(
                "\(path) has \(status.byteCount) bytes; at most \(maxBytes) are read"
            )
        }
        bytes = try Files.readAll(file, path, maxBytes: maxBytes)
    }

    /// Judges the file once more, in another role.
    package func check(as role: FileRole) throws(ServerError) {
        try Self.check(status, path, role, rules)
    }

    private static func check(
        _ status: FileStatus,
        _ path: String,
        _ role: FileRole,
        _ rules: FileTrust
    ) throws(ServerError) {
        do {
            try rules.check(status, path, role)
        } catch {
            throw ServerError(error)
        }
    }
}

extension ServerError {
    /// A file that is not used, with the option that overrides it.
    init(_ fault: FileFault) {
        self.init(
            "\(fault)",
            hint: fault.kind == .kind
                ? nil : "correct it with chmod or chown; docs/OPERATIONS.md lists the modes"
        )
    }
}
