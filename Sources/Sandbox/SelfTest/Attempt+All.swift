internal import CSandbox
internal import Glibc

/// The things that the self-test tries.
extension Attempt {
    /// Whether filters work at all: the report of the layers rests on it.
    static let filter = call("end a process at a forbidden call", "socket") {
        [Int(AF_INET), Int(SOCK_STREAM.rawValue), 0]
    }

    /// In both stages, all layers in place.
    static let both =
        files + network + processes + otherProcesses + ownProcess + codeAndMemory + kernel

    /// Each layer for itself, and the first stage without the second.
    static let layers: [Attempt] = [
        alone("keep a capability", .privileges, EPERM) { _ in
            (try? Privileges.hasCapabilities()) == false ? refused(EPERM) : 0
        },
        alone("be without NO_NEW_PRIVS", .privileges, EPERM) { _ in
            sandbox_Prctl(PR_GET_NO_NEW_PRIVS, 0, 0) == 1 ? refused(EPERM) : 0
        },
        alone("be dumpable", .privileges, EPERM) { _ in
            sandbox_Prctl(PR_GET_DUMPABLE, 0, 0) == 0 ? refused(EPERM) : 0
        },
        alone("read a file, Landlock alone", .landlock(version: 1), EACCES) { _ in
            make("openat", [Int(AT_FDCWD), program, Int(O_RDONLY)])
        },
        alone("write a file, Landlock alone", .landlock(version: 1), EACCES) { _ in
            make("openat", [Int(AT_FDCWD), address("/dev/null"), Int(O_WRONLY)])
        },
        alone("list a folder, Landlock alone", .landlock(version: 1), EACCES) { _ in
            make("openat", [Int(AT_FDCWD), address("/"), Int(O_RDONLY | O_DIRECTORY)])
        },
        alone("execute a program, Landlock alone", .landlock(version: 1), EACCES) { _ in
            make("execve", [program, zeros(8), zeros(8)])
        },
        Attempt(
            thing: "connect over TCP, Landlock alone",
            layers: .landlock(version: 4),
            expected: .fails(EACCES),
            prepare: socket,
            act: connect
        ),
        alone("signal the parent, Landlock alone", .landlock(version: 6), EPERM) { _ in
            make("kill", [Int(getppid()), 0])
        },
        alone("open a file while a model is loaded", .first, EACCES) { _ in
            make("openat", [Int(AT_FDCWD), program, Int(O_RDONLY)])
        },
    ]

    private static let files = [
        call("read a file (open)", "open") { [program, Int(O_RDONLY)] },
        call("read a file (openat)", "openat") { [Int(AT_FDCWD), program, Int(O_RDONLY)] },
        call("read a file (openat2)", "openat2") { [Int(AT_FDCWD), program, zeros(24), 24] },
        call("write a file", "openat") {
            [Int(AT_FDCWD), address("/dev/null"), Int(O_WRONLY)]
        },
        call("list a folder", "openat") {
            [Int(AT_FDCWD), address("/"), Int(O_RDONLY | O_DIRECTORY)]
        },
        call("look for a file", "access") { [program, 0] },
        call("delete a file", "unlinkat") { [-1, address("")] },
    ]

    private static let network = [
        call("make a TCP socket", "socket") { [Int(AF_INET), Int(SOCK_STREAM.rawValue)] },
        call("make a UDP socket", "socket") { [Int(AF_INET), Int(SOCK_DGRAM.rawValue)] },
        call("make a unix socket", "socket") { [Int(AF_UNIX), Int(SOCK_STREAM.rawValue)] },
        Attempt(
            thing: "connect a socket",
            layers: .both,
            expected: .endsAt("connect"),
            prepare: socket,
            act: connect
        ),
    ]

    private static let processes = [
        call("execute a program", "execve") { [program, zeros(8), zeros(8)] },
        call("fork", "fork"),
        Attempt(thing: "vfork", layers: .both, expected: .endsAt("vfork")) { _ in
            Int(sandbox_Vfork())
        },
        call("clone a process", "clone") { [Int(SIGCHLD)] },
        Attempt(thing: "clone a process (clone3)", layers: .both, expected: .fails(ENOSYS)) { _ in
            make("clone3", [zeros(64), 64])
        },
        Attempt(
            thing: "start a thread after the second stage",
            layers: .both,
            // pthread_create blocks all signals, so that the handler does not run.
            expected: .ends([SIGSYS])
        ) { _ in
            var thread = pthread_t()
            return unsafe -Int(pthread_create(&thread, nil, { _ in nil }, nil))
        },
    ]

    private static let otherProcesses = [
        call("trace the parent", "ptrace") { [ptraceAttach, Int(getppid())] },
        call("signal the parent", "kill") { [Int(getppid()), 0] },
        call("read the parent's memory", "process_vm_readv") {
            [Int(getppid()), zeros(16), 1, zeros(16), 1]
        },
        call("hold the parent by a descriptor", "pidfd_open") { [Int(getppid())] },
        call("limit the parent", "prlimit64") {
            [Int(getppid()), Int(RLIMIT_CORE.rawValue), 0, zeros(16)]
        },
    ]

    private static let ownProcess = [
        call("become dumpable", "prctl") { [Int(PR_SET_DUMPABLE), 1] },
        call("become another user", "setuid"),
        call("raise its limits", "prlimit64") {
            [0, Int(RLIMIT_DATA.rawValue), zeros(16)]
        },
        call("replace the handler of SIGSYS", "rt_sigaction") {
            [Int(SIGSYS), zeros(32), 0, 8]
        },
        call("add a filter", "seccomp") { [1] },
        call("leave its namespaces", "unshare") { [0x1000_0000] },
    ]

    private static let codeAndMemory = [
        call("map memory to execute", "mmap") {
            [0, pageBytes, Int(PROT_READ | PROT_EXEC), Int(MAP_PRIVATE | MAP_ANONYMOUS), -1, 0]
        },
        call("make written memory executable", "mprotect") {
            [writtenCode(), pageBytes, Int(PROT_READ | PROT_EXEC)]
        },
        Attempt(thing: "execute memory that it wrote", layers: .both, expected: .ends([SIGSEGV])) {
            _ in run(code: writtenCode())
        },
        call("share memory without a file", "mmap") {
            [0, pageBytes, Int(PROT_READ | PROT_WRITE), Int(MAP_SHARED | MAP_ANONYMOUS), -1, 0]
        },
        call("map memory that grows as a stack", "mmap") {
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN
            return [0, pageBytes, Int(PROT_READ | PROT_WRITE), Int(flags), -1, 0]
        },
        Attempt(thing: "enlarge a mapping", layers: .both, expected: .fails(ENOMEM)) { _ in
            // MREMAP_MAYMOVE of linux/mman.h.
            make("mremap", [writtenCode(), pageBytes, 2 * pageBytes, 1])
        },
        call("make a file in memory", "memfd_create") { [address("self-test"), 0] },
        call("handle page faults", "userfaultfd"),
    ]

    private static let kernel =
        [
            call("set up io_uring", "io_uring_setup") { [1, zeros(120)] },
            call("load a BPF program", "bpf") { [0, zeros(128), 128] },
            call("measure the kernel", "perf_event_open") { [zeros(128), 0, -1, -1, 0] },
            call("use the kernel's keys", "keyctl"),
            call("mount a file system", "mount") {
                [address("none"), address("/"), address("tmpfs")]
            },
        ] + (sandbox_HasForeignCalls() ? foreign : [])

    /// Call 39 of both is getpid or harmless. A kernel without such calls answers with SIGSEGV.
    private static let foreign = [
        Attempt(thing: "make a call of x32", layers: .both, expected: .ends([SIGSYS])) { _ in
            sandbox_CallX32(39)
        },
        Attempt(thing: "make a call of i386", layers: .both, expected: .ends([SIGSYS, SIGSEGV])) {
            _ in sandbox_CallI386(20)
        },
    ]

    /// The path of a file that every process can read: its own program.
    private static var program: Int { address("/proc/self/exe") }
    /// PTRACE_ATTACH of sys/ptrace.h.
    private static let ptraceAttach = 16

    private static func alone(
        _ thing: String,
        _ layers: Layers,
        _ error: Int32,
        act: @escaping @Sendable (Int) -> Int
    ) -> Attempt {
        Attempt(thing: thing, layers: layers, expected: .fails(error), act: act)
    }

    /// The result of a check that was answered with "no".
    private static func refused(_ error: Int32) -> Int {
        errno = error
        return -1
    }
}
