internal import Glibc
package import Platform

/// The system's own calls.
package struct SystemCalls: FileCalls {
    package let trust: FileTrust

    /// - Parameter trust: Tolerates files that the rules refuse, where an operator asked for it.
    package init(trust: FileTrust = .strict) {
        self.trust = trust
    }

    package func open(
        _ path: String,
        flags: Int32,
        mode: UInt32
    ) throws(FileCallError) -> Int32 {
        let descriptor = unsafe Glibc.open(path, flags, mode)
        guard descriptor >= 0 else { throw FileCallError(errno: errno) }
        return descriptor
    }

    package func close(_ descriptor: Int32) throws(FileCallError) {
        try check(Glibc.close(descriptor))
    }

    package func status(_ descriptor: Int32) throws(FileCallError) -> FileStatus {
        guard let status = FileStatus(descriptor: descriptor) else {
            throw FileCallError(errno: errno)
        }
        return status
    }

    package func setMode(_ descriptor: Int32, _ mode: UInt32) throws(FileCallError) {
        try check(fchmod(descriptor, mode))
    }

    package func read(
        _ descriptor: Int32,
        into bytes: inout MutableRawSpan,
        from start: Int,
        at offset: UInt64
    ) throws(FileCallError) -> Int {
        let (count, number) = unsafe bytes.withUnsafeMutableBytes { buffer in
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
            let count = unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(offset))
            return (count, errno)
        }
        guard count >= 0 else { throw FileCallError(errno: number) }
        return count
    }

    package func write(
        _ descriptor: Int32,
        _ bytes: RawSpan,
        at offset: UInt64
    ) throws(FileCallError) -> Int {
        let (count, number) = unsafe bytes.withUnsafeBytes { buffer in
            let count = unsafe pwrite(
                descriptor,
                buffer.baseAddress,
                buffer.count,
                off_t(offset)
            )
            return (count, errno)
        }
        guard count >= 0 else { throw FileCallError(errno: number) }
        return count
    }

    package func sync(_ descriptor: Int32) throws(FileCallError) {
        try check(fsync(descriptor))
    }

    package func lock(_ descriptor: Int32, _ operation: Int32) throws(FileCallError) {
        try check(flock(descriptor, operation))
    }

    package func link(_ path: String, to new: String) throws(FileCallError) {
        try check(unsafe Glibc.link(path, new))
    }

    package func rename(_ path: String, to new: String) throws(FileCallError) {
        try check(unsafe Glibc.rename(path, new))
    }

    package func unlink(_ path: String) throws(FileCallError) {
        try check(unsafe Glibc.unlink(path))
    }

    package func makeFolder(_ path: String, mode: UInt32) throws(FileCallError) {
        try check(unsafe mkdir(path, mode))
    }

    package func removeFolder(_ path: String) throws(FileCallError) {
        try check(unsafe rmdir(path))
    }

    package func names(in path: String) throws(FileCallError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw FileCallError(errno: errno) }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while true {
            // The one way to tell the end from a failure.
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw FileCallError(errno: errno) }
        return names
    }

    package func look(at path: String) throws(FileCallError) {
        var status = stat()
        try check(unsafe lstat(path, &status))
    }

    private func check(_ result: Int32) throws(FileCallError) {
        guard result == 0 else { throw FileCallError(errno: errno) }
    }
}
