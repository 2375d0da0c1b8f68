internal import Glibc

/// Limits of resources that a process sets for itself; see setrlimit(2). To be set before
/// ``Sandbox/enterSecondStage()``.
package enum ProcessLimits {
    /// Descriptors that are looked at for the highest open one. A host is started with four.
    private static let searchedDescriptors: Int32 = 256

    /// Sets the limit of open descriptors to those that are open and `more`, and has no core file
    /// written.
    package static func limitDescriptors(more: Int) throws(SandboxError) {
        let highest = (0..<searchedDescriptors).last { fcntl($0, F_GETFD) >= 0 } ?? -1
        let count = rlim_t(highest + 1) + rlim_t(more)
        try set(RLIMIT_NOFILE, "open descriptors", soft: count, hard: count)
        try set(RLIMIT_CORE, "core files", soft: 0, hard: 0)
    }

    /// Limits the memory that the process writes. Programs that are built with a sanitizer have no
    /// such limit: see ``Sandbox/isSanitized``.
    package static func limitMemory(bytes: UInt64) throws(SandboxError) {
        guard !Sandbox.isSanitized else { return }
        try set(RLIMIT_DATA, "memory", soft: rlim_t(bytes), hard: rlim_t(bytes))
    }

    /// Limits the processor time of all threads: at `seconds` the process gets SIGXCPU. The hard
    /// limit stays, so that the server can lift this one with prlimit(2).
    package static func limitProcessorTime(seconds: UInt64) throws(SandboxError) {
        try set(RLIMIT_CPU, "processor time", soft: rlim_t(seconds), hard: nil)
    }

    /// - Parameter hard: nil: as it is. A lower limit that the process was given stays.
    private static func set(
        _ resource: __rlimit_resource,
        _ what: String,
        soft: rlim_t,
        hard: rlim_t?
    ) throws(SandboxError) {
        let resource = __rlimit_resource_t(resource.rawValue)
        var present = rlimit()
        guard unsafe getrlimit(resource, &present) == 0 else {
            throw SandboxError("the limit of \(what) cannot be read", errno: errno)
        }
        let most = present.rlim_max
        var limit = rlimit(rlim_cur: min(soft, most), rlim_max: min(hard ?? most, most))
        guard unsafe setrlimit(resource, &limit) == 0 else {
            throw SandboxError("the limit of \(what) cannot be set", errno: errno)
        }
    }
}
