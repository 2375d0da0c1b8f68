internal import CSandbox
internal import Glibc

/// The rules of both stages. Sources: the calls of the C library 2.36 and ONNX Runtime 1.32, as
/// traced while models were loaded and run, and the manual pages of these calls.
extension CallFilter {
    /// The filter of the first stage: a list of what is allowed. Everything else ends the process.
    static func first() throws(SandboxError) -> CallFilter {
        let filter = try CallFilter(others: .end, coversAllThreads: false)
        try filter.add(.allow, plain)
        try filter.add(.refuse(EACCES), lookups + [statusByName])
        try filter.add(.refuse(ENOSYS), "clone3")
        try filter.addMemory()
        try filter.addThreads()
        try filter.addSignals()
        try filter.addDescriptors()
        try filter.addProcess()
        return filter
    }

    /// The filter of the second stage, beside the first: a list of what is no longer allowed. The
    /// kernel takes the stricter answer of both.
    static func second() throws(SandboxError) -> CallFilter {
        let filter = try CallFilter(others: .allow, coversAllThreads: true)
        try filter.add(.end, ["clone", "seccomp", "setrlimit"] + lookups)
        // A thread that was made in the first stage may get its first turn in the second, and
        // begins with its name.
        try filter.add(.end, "prctl", .notEqual(0, UInt64(PR_SET_NAME)))
        // Limits may be read, but not set.
        try filter.add(.end, "prlimit64", .notEqual(2, 0))
        return filter
    }

    /// Calls that reach nothing but the process itself and what is open in it.
    private static let plain = [
        // Memory.
        "brk", "munmap", "madvise", "membarrier",
        // Threads.
        "futex", "set_robust_list", "rseq", "set_tid_address", "sched_yield", "sched_getaffinity",
        "getcpu", "exit",
        "exit_group", "restart_syscall",
        // Signals.
        "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
        // Time.
        "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
        // The process and the machine.
        "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrusage",
        "sysinfo", "uname", "getrandom",
        // Open descriptors.
        "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek",
        "close", "fstat", "poll", "ppoll", "recvfrom", "recvmsg", "sendto", "sendmsg", "shutdown",
    ]

    /// Calls that look for a file by its name. The C library and ONNX Runtime look for files that
    /// they can do without while a session is made (`/sys/devices/system/cpu/online`, a locale),
    /// so that these calls fail in the first stage and end the process in the second.
    private static let lookups = [
        "open", "openat", "openat2", "access", "faccessat", "faccessat2", "stat", "lstat", "statx",
        "readlink", "readlinkat", "statfs",
    ]

    /// fstat of the C library 2.36 is this call with an empty name; the filter cannot tell names
    /// apart. The buffered streams of the C library ask for it at their first use and go on without.
    private static let statusByName = "newfstatat"

    /// Memory that is not to be executed, and that the limit of the process's memory
    /// (RLIMIT_DATA) counts. The kernel counts neither shared memory without a file nor a mapping
    /// that grows as a stack does. `mremap` could enlarge the stack itself: it fails, and the C
    /// library's `realloc` then copies.
    private func addMemory() throws(SandboxError) {
        let isNotExecuted = Condition.masked(2, UInt64(PROT_EXEC), 0)
        try add(.allow, "mprotect", isNotExecuted)
        for uncounted in [MAP_SHARED, MAP_ANONYMOUS] {
            let flags = UInt64(uncounted | MAP_GROWSDOWN)
            try add(.allow, "mmap", isNotExecuted, .masked(3, flags, 0))
        }
        try add(.refuse(ENOMEM), "mremap")
    }

    /// CLONE_THREAD with the flags that the kernel demands beside it, and none of a namespace, of
    /// a descriptor of the thread, or of a process: linux/sched.h.
    private func addThreads() throws(SandboxError) {
        let thread: UInt64 = 0x0001_0000 | 0x0000_0800 | 0x0000_0100
        let namespaces: UInt64 = 0x0002_0000 | 0x0200_0000 | 0x7C00_0000 | 0x0000_0080
        let others: UInt64 = 0x0000_1000 | 0x0000_2000 | 0x0000_4000
        try add(.allow, "clone", .masked(0, thread | namespaces | others, thread))
        // The calling thread alone, which is thread 0 to these calls.
        for name in ["sched_setaffinity", "sched_setscheduler"] {
            try add(.allow, name, .equal(0, 0))
        }
        for name in ["getpriority", "setpriority"] {
            try add(.allow, name, .equal(0, UInt64(PRIO_PROCESS.rawValue)), .equal(1, 0))
        }
    }

    /// The actions of all signals but SIGSYS, and signals to the process itself: `abort` sends one.
    private func addSignals() throws(SandboxError) {
        try add(.allow, "rt_sigaction", .below(0, UInt64(SIGSYS)))
        // The C library's own, of its threads: SIGCANCEL and SIGSETXID.
        for number in [32, 33] { try add(.allow, "rt_sigaction", .equal(0, UInt64(number))) }
        for name in ["kill", "tgkill"] { try add(.allow, name, .equal(0, UInt64(getpid()))) }
    }

    /// Flags, seals and timeouts of open descriptors.
    private func addDescriptors() throws(SandboxError) {
        // F_ADD_SEALS and F_GET_SEALS of linux/fcntl.h.
        let sealing: [Int32] = [1_033, 1_034]
        for command in [F_GETFD, F_SETFD, F_GETFL, F_SETFL] + sealing {
            try add(.allow, "fcntl", .equal(1, UInt64(command)))
        }
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            try add(
                .allow,
                "setsockopt",
                .equal(1, UInt64(SOL_SOCKET)),
                .equal(2, UInt64(option))
            )
        }
    }

    /// Names of threads, limits of the process itself, its filters, and leave to use the tile
    /// registers of x86-64, which kernels of matrix products ask for.
    private func addProcess() throws(SandboxError) {
        try add(.allow, "prctl", .equal(0, UInt64(PR_SET_NAME)))
        for process in [0, UInt64(getpid())] { try add(.allow, "prlimit64", .equal(0, process)) }
        // SECCOMP_SET_MODE_FILTER and SECCOMP_GET_ACTION_AVAIL.
        for operation: UInt64 in [1, 2] { try add(.allow, "seccomp", .equal(0, operation)) }
        // ARCH_GET_XCOMP_PERM and ARCH_REQ_XCOMP_PERM of asm/prctl.h.
        for option: UInt64 in [0x1022, 0x1023] { try add(.allow, "arch_prctl", .equal(0, option)) }
    }
}
