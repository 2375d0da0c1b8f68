internal import COnnxRuntime
internal import Glibc

/// The processors that this process may run on.
package enum Processors {
    /// How many they are, at least 1. Those that `taskset` or a container's cpuset excludes do not
    /// count.
    package static var count: Int {
        let allowed = Int(processors_Count())
        return allowed > 0 ? allowed : max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)
    }
}
