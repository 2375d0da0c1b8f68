internal import COpenSSL
internal import Glibc

/// The memory of the whole process, which holds models and keys in the clear.
package enum ProcessMemory {
    /// Forbids core dumps, and reading by other processes of the same user, whatever the limits
    /// of the shell say.
    /// - Returns: whether the system did it.
    package static func refuseDumps() -> Bool {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        let isLimited = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0
        return isLimited && shim_prctl_not_dumpable() == 0
    }
}
