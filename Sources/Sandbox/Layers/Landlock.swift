internal import CSandbox
internal import Glibc

/// The kernel's Landlock: rights to files, the network and other processes that a process gives up.
enum Landlock {
    /// The version of its interface; 0 where the kernel has none, or it is switched off.
    static var version: Int { max(Int(sandbox_LandlockVersion()), 0) }

    /// Gives up every right that this kernel knows, without an exception.
    /// - Returns: The version of the interface; 0: nothing was given up, for lack of Landlock.
    static func enter() throws(SandboxError) -> Int {
        let version = version
        guard version > 0 else { return 0 }
        var rights = knownRights()
        let ruleset = unsafe sandbox_LandlockCreate(&rights)
        guard ruleset >= 0 else { throw SandboxError("Landlock makes no rules", errno: errno) }
        defer { close(ruleset) }
        guard sandbox_LandlockRestrict(ruleset) == 0 else {
            throw SandboxError("Landlock cannot be entered", errno: errno)
        }
        return version
    }

    /// The rights that this kernel knows, which it is asked for one by one: a later kernel has
    /// rights that no header of today names.
    private static func knownRights() -> sandbox_landlock_rights {
        var rights = sandbox_landlock_rights()
        rights.files = known { sandbox_landlock_rights(files: $0, network: 0, scopes: 0) }
        rights.network = known { sandbox_landlock_rights(files: 0, network: $0, scopes: 0) }
        rights.scopes = known { sandbox_landlock_rights(files: 0, network: 0, scopes: $0) }
        return rights
    }

    /// The lowest bits up to the first one that the kernel refuses.
    private static func known(_ rights: (UInt64) -> sandbox_landlock_rights) -> UInt64 {
        var found: UInt64 = 0
        for bit in 0..<UInt64.bitWidth {
            var one = rights(1 << UInt64(bit))
            let ruleset = unsafe sandbox_LandlockCreate(&one)
            guard ruleset >= 0 else { break }
            close(ruleset)
            found |= 1 << UInt64(bit)
        }
        return found
    }
}
