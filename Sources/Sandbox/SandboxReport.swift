/// The layers of the sandbox that the kernel has put around a process.
package struct SandboxReport: Sendable, Equatable {
    /// The version of Landlock's interface; 0 where the kernel has none.
    package var landlockVersion = 0
    /// Whether the filters of system calls are in place.
    package var filtersCalls = false

    /// A report of no layer.
    package init() {}

    /// The layers that the kernel lacks, each with its consequence; empty: none is missing.
    package var missingLayers: [String] {
        var missing: [String] = []
        if landlockVersion == 0 {
            missing.append("Landlock (files and sockets are closed to hosts by the filter alone)")
        }
        if !filtersCalls {
            missing.append("seccomp filters (hosts may make any system call)")
        }
        return missing
    }
}
