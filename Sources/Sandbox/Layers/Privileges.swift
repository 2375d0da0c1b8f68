internal import CSandbox
internal import Glibc

/// The privileges of a process beyond its user's rights, and those of others on its files in
/// `/proc`.
enum Privileges {
    /// The kernel's sets have 64 bits, in two words.
    private static let capabilities = UInt(0)..<64
    private static let words = 2
    /// _LINUX_CAPABILITY_VERSION_3 of linux/capability.h, for the calling process.
    private static var header: __user_cap_header_struct {
        __user_cap_header_struct(version: 0x2008_0522, pid: 0)
    }

    /// Gives up all of them, for good: no program that is executed gets any back, and other
    /// processes of the user can neither trace nor dump this one.
    static func giveUp() throws(SandboxError) {
        try check(sandbox_Prctl(PR_SET_NO_NEW_PRIVS, 1, 0), "new privileges cannot be given up")
        try check(
            sandbox_Prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0),
            "ambient capabilities cannot be dropped"
        )
        try dropBounds()
        var header = header
        let none = [__user_cap_data_struct](repeating: .init(), count: words)
        try check(unsafe sandbox_SetCapabilities(&header, none), "capabilities cannot be dropped")
        try check(sandbox_Prctl(PR_SET_DUMPABLE, 0, 0), "dumps cannot be refused")
    }

    /// Whether the process has a capability left that it could use or pass on.
    static func hasCapabilities() throws(SandboxError) -> Bool {
        var header = header
        var sets = [__user_cap_data_struct](repeating: .init(), count: words)
        try check(unsafe sandbox_GetCapabilities(&header, &sets), "capabilities cannot be read")
        return sets.contains { $0.effective | $0.permitted | $0.inheritable != 0 }
    }

    /// Empties the bounding set. A process without CAP_SETPCAP cannot, and has nothing from it
    /// either: it has given up new privileges.
    private static func dropBounds() throws(SandboxError) {
        for capability in capabilities where sandbox_Prctl(PR_CAPBSET_READ, capability, 0) == 1 {
            guard sandbox_Prctl(PR_CAPBSET_DROP, capability, 0) != 0 else { continue }
            guard errno == EPERM else {
                throw SandboxError("the bounding set cannot be emptied", errno: errno)
            }
            return
        }
    }

    private static func check(_ result: Int32, _ step: String) throws(SandboxError) {
        guard result == 0 else { throw SandboxError(step, errno: errno) }
    }
}
