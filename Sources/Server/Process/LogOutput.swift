internal import Glibc
internal import Synchronization

/// The standard error that the process was started with: the destination of its log and of a
/// command's error lines. ``LibraryOutput`` puts a pipe in the place of descriptor 2.
package enum LogOutput {
    /// The number of standard streams, whose descriptors are the lowest.
    private static let standardDescriptors: Int32 = 3

    private static let current = Atomic<Int32>(STDERR_FILENO)

    /// The descriptor; negative if the process was started without one.
    package static var descriptor: Int32 { current.load(ordering: .relaxed) }

    /// Writes bytes, a line as a rule, in one call: lines of several threads do not mix.
    package static func write(_ bytes: [UInt8]) {
        var left = bytes[...]
        while !left.isEmpty {
            let count = unsafe left.withUnsafeBytes { source in
                unsafe Glibc.write(descriptor, source.baseAddress, source.count)
            }
            guard count > 0 || (count < 0 && errno == EINTR) else { return }
            left = left.dropFirst(max(count, 0))
        }
    }

    /// Duplicates descriptor 2, so that it can be replaced.
    static func keep() {
        current.store(duplicate(STDERR_FILENO), ordering: .relaxed)
    }

    /// A duplicate that is no standard stream and closes on exec; negative if there is none.
    static func duplicate(_ descriptor: Int32) -> Int32 {
        fcntl(descriptor, F_DUPFD_CLOEXEC, standardDescriptors)
    }
}
