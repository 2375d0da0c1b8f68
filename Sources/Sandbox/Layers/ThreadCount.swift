internal import Glibc

/// The number of threads of this process.
enum ThreadCount {
    private static let folder = "/proc/self/task"

    /// Milliseconds for which the kernel may still count a thread that has ended.
    private static let patienceMs = 100

    /// Requires that there is no other thread than the calling one: what that gives up, others
    /// would keep.
    static func requireOne() throws(SandboxError) {
        var count = try now()
        for _ in 0..<patienceMs where count > 1 {
            usleep(1_000)
            count = try now()
        }
        guard count == 1 else {
            throw SandboxError("the process has \(count) threads, where one is expected")
        }
    }

    private static func now() throws(SandboxError) -> Int {
        guard let tasks = unsafe opendir(folder) else {
            throw SandboxError("\(folder) cannot be read", errno: errno)
        }
        defer { unsafe closedir(tasks) }
        var count = 0
        while let entry = unsafe readdir(tasks) {
            // Names are numbers, but for "." and "..".
            if unsafe entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return count
    }
}
