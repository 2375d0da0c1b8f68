internal import Glibc

/// Finds the process that holds a file's lock, in `/proc/locks`.
package enum LockHolder {
    /// The process that has locked the file; `nil` if none has, or it is not to be seen from here.
    package static func pid(ofFile path: String) -> Int32? {
        var status = stat()
        guard unsafe stat(path, &status) == 0, let locks = ProcFile.read("/proc/locks") else {
            return nil
        }
        return pid(inode: UInt64(status.st_ino), locks)
    }

    /// A line is `1: FLOCK ADVISORY WRITE PID MAJOR:MINOR:INODE START END`; one that waits has `->`
    /// behind its number. The device is not compared: its number there is not stat's on every file
    /// system.
    static func pid(inode: UInt64, _ locks: String) -> Int32? {
        for line in locks.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 6, fields[1] != "->",
                let number = fields[5].split(separator: ":").last, UInt64(number) == inode,
                let pid = Int32(fields[4]), pid > 0
            else { continue }
            return pid
        }
        return nil
    }
}
