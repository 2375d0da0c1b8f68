package import Platform

/// The calls to the system that everything the registry keeps in files goes through, keys
/// included, except the database's own.
///
/// They are as low as the system's: each fails with its errno, may do less than it was asked to,
/// and is tried again, or not, by whoever makes it. So whatever can go wrong on a disk can be
/// made to go wrong in a test, at every single call.
package protocol FileCalls: Sendable {
    /// The rules by which files that are opened with these calls are used or refused.
    var trust: FileTrust { get }
    /// Opens a file, and answers its descriptor. A new one gets the permissions of `mode`.
    func open(_ path: String, flags: Int32, mode: UInt32) throws(FileCallError) -> Int32
    /// Closes a descriptor, which is gone whatever comes of it.
    func close(_ descriptor: Int32) throws(FileCallError)
    /// The kind, size, owner and permissions of an open file.
    func status(_ descriptor: Int32) throws(FileCallError) -> FileStatus
    /// Gives an open file exactly these permissions, whatever the umask is.
    func setMode(_ descriptor: Int32, _ mode: UInt32) throws(FileCallError)
    /// Reads into `bytes` from the index `start` on, and answers how many came; 0 at the end.
    func read(
        _ descriptor: Int32,
        into bytes: inout MutableRawSpan,
        from start: Int,
        at offset: UInt64
    ) throws(FileCallError) -> Int
    /// Writes bytes, and answers how many were taken.
    func write(
        _ descriptor: Int32,
        _ bytes: RawSpan,
        at offset: UInt64
    ) throws(FileCallError) -> Int
    /// Makes a file's bytes, or a folder's names, durable.
    func sync(_ descriptor: Int32) throws(FileCallError)
    /// Takes or gives back the lock on an open file; `operation` as for `flock`.
    func lock(_ descriptor: Int32, _ operation: Int32) throws(FileCallError)
    /// Gives a file a second name, which must be free.
    func link(_ path: String, to new: String) throws(FileCallError)
    /// Gives a file another name, in place of what has it.
    func rename(_ path: String, to new: String) throws(FileCallError)
    /// Takes a file's name away.
    func unlink(_ path: String) throws(FileCallError)
    /// Makes a folder.
    func makeFolder(_ path: String, mode: UInt32) throws(FileCallError)
    /// Removes an empty folder.
    func removeFolder(_ path: String) throws(FileCallError)
    /// The names in a folder, in no order, without `.` and `..`.
    func names(in path: String) throws(FileCallError) -> [String]
    /// Fails if nothing has this name; a symbolic link has one of its own.
    func look(at path: String) throws(FileCallError)
}

extension FileCalls {
    package var trust: FileTrust { .strict }
}

/// Why a call to the system failed.
package struct FileCallError: Error, Equatable {
    /// The system's number for it.
    package let errno: Int32

    /// Names the reason.
    package init(errno: Int32) {
        self.errno = errno
    }
}
