internal import Glibc

/// The two ends of a stream between this process and one that it starts.
package enum SocketPair {
    /// Makes a stream. Both ends are closed on exec from the start, unlike those of a pipe here.
    ///
    /// - Parameter what: The process, for messages.
    /// - Returns: The end of this process, and the one of the other.
    /// - Throws: `keyAccess` if no descriptor is free.
    package static func make(_ what: String) throws(SealingError) -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw .system(.keyAccess, "no socket for \(what)", errno: errno)
        }
        return (ends[0], ends[1])
    }

    /// Closes one end.
    package static func close(_ end: Int32) { Glibc.close(end) }
}
