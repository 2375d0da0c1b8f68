internal import CSandbox
internal import Glibc

/// The sandbox that a process puts itself into, in two stages, and never leaves.
///
/// The first stage holds for one thread and for the threads that it makes: the process must have no
/// other. The second one holds for all threads. Source: prctl(2), capabilities(7), landlock(7),
/// seccomp(2).
package enum Sandbox {
    /// Gives up privileges, files, sockets and new processes. Threads can still be made, and an
    /// attempt to open a file is answered with EACCES; see ``CallFilter/first``.
    ///
    /// - Parameters:
    ///   - address: The address of an `Int32` that gets the number of a forbidden call, just
    ///     before the call ends the process by SIGSYS, and -1 now; nil: nothing is recorded.
    ///   - allowsMissingLayers: Whether to go on where the kernel has no Landlock or no filters;
    ///     the report says so. Otherwise their lack is an error.
    /// - Returns: The layers that are in place.
    package static func enterFirstStage(
        recordingAt address: UInt?,
        allowsMissingLayers: Bool = false
    ) throws(SandboxError) -> SandboxReport {
        try ThreadCount.requireOne()
        var report = SandboxReport()
        try Privileges.giveUp()
        report.landlockVersion = try Landlock.enter()
        let place = unsafe address.flatMap { unsafe UnsafeMutablePointer<Int32>(bitPattern: $0) }
        unsafe place?.pointee = -1
        guard unsafe sandbox_EndAtForbiddenCalls(place) == 0 else {
            throw SandboxError("SIGSYS cannot be handled", errno: errno)
        }
        report.filtersCalls = try CallFilter.first().load()
        if !allowsMissingLayers, let missing = report.missingLayers.first {
            throw SandboxError("the kernel lacks \(missing)")
        }
        return report
    }

    /// Gives up new threads and changes of the process, for all threads at once.
    ///
    /// - Parameter report: The result of the first stage. Where that set no filter, for lack of
    ///   filters in the kernel, this stage sets none.
    package static func enterSecondStage(after report: SandboxReport) throws(SandboxError) {
        guard report.filtersCalls else { return }
        try enterSecondStage()
    }

    /// Gives up new threads and changes of the process, for all threads at once.
    package static func enterSecondStage() throws(SandboxError) {
        guard try CallFilter.second().load() else {
            throw SandboxError("the kernel lacks filters of system calls")
        }
    }

    /// The name of a system call of this machine, such as `openat`; `number 999` if there is none.
    package static func callName(_ number: Int32) -> String {
        guard let name = unsafe seccomp_syscall_resolve_num_arch(0, number) else {
            return "number \(number)"
        }
        defer { unsafe free(name) }
        return unsafe String(cString: name)
    }

    /// Whether the program is built with a sanitizer. Such a program reserves terabytes of
    /// addresses, so that it has no limit of its memory.
    package static var isSanitized: Bool { sandbox_IsSanitized() }
}
