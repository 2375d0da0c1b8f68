internal import Glibc

/// The rules by which the process uses a file or refuses it, by kind, owner and mode.
///
/// A caller opens a file without waiting (`O_NONBLOCK`), judges the descriptor and then reads
/// from the same descriptor, so that no other file can take the place of the judged one. A
/// symbolic link is judged by its target.
package struct FileTrust: Sendable {
    private let user: UInt32
    private let groups: Set<UInt32>
    /// Whether only the modes of keys are judged.
    private let isForKeysAlone: Bool
    private let tolerate: (@Sendable (FileFault) -> Void)?

    /// The rules of a server and of commands on its home.
    package static let strict = FileTrust(user: geteuid(), groups: ownGroups())

    /// The rules of a client, which judge the modes of keys alone: an administrator reads the
    /// files of a home that another user owns.
    package static let client = FileTrust(
        user: strict.user,
        groups: strict.groups,
        isForKeysAlone: true
    )

    /// The rules of a process of another user, for tests.
    package init(user: UInt32, groups: Set<UInt32>) {
        self.init(user: user, groups: groups, isForKeysAlone: false)
    }

    private init(
        user: UInt32,
        groups: Set<UInt32>,
        isForKeysAlone: Bool,
        tolerate: (@Sendable (FileFault) -> Void)? = nil
    ) {
        self.user = user
        self.groups = groups
        self.isForKeysAlone = isForKeysAlone
        self.tolerate = tolerate
    }

    /// The same rules, which report faults of owner and mode and refuse none of them. A file of
    /// the wrong kind is refused all the same.
    package func tolerating(
        _ report: @escaping @Sendable (FileFault) -> Void
    ) -> FileTrust {
        FileTrust(user: user, groups: groups, isForKeysAlone: isForKeysAlone, tolerate: report)
    }

    /// Refuses a file that was opened, or reports its fault where faults are tolerated.
    package func check(
        _ status: FileStatus,
        _ path: String,
        _ role: FileRole
    ) throws(FileFault) {
        guard let fault = fault(status, path, role) else { return }
        guard fault.kind != .kind, let tolerate else { throw fault }
        tolerate(fault)
    }

    /// Refuses the file that a path leads to; one that does not exist passes.
    package func check(_ judged: JudgedPath) throws(FileFault) {
        guard let status = FileStatus(path: judged.path) else { return }
        try check(status, judged.path, judged.role)
    }

    /// The first fault of a file in a role; `nil` if the file may be used.
    package func fault(
        _ status: FileStatus,
        _ path: String,
        _ role: FileRole
    ) -> FileFault? {
        guard status.kind == role.expectedKind else {
            let problem = "is \(status.kind.rawValue); expected \(role.expectedKind.rawValue)"
            return FileFault(kind: .kind, path: path, problem: problem)
        }
        if isForKeysAlone, role != .key { return nil }
        if !isForKeysAlone, status.owner != 0, status.owner != user {
            let expected = user == 0 ? "root" : "root or user \(user)"
            return FileFault(
                kind: .owner,
                path: path,
                problem: "has mode \(octal(status)) and belongs to user \(status.owner); "
                    + "expected the owner \(expected), which this process runs as"
            )
        }
        return access(status, role).map { access in
            FileFault(
                kind: .mode,
                path: path,
                problem: "has mode \(octal(status)): \(access); expected \(role.expectedMode)"
            )
        }
    }

    /// The access that the mode gives and the role does not allow.
    private func access(_ status: FileStatus, _ role: FileRole) -> String? {
        let mode = status.permissions
        if role == .key {
            let isShared = mode == 0o440 && groups.contains(status.group)
            guard mode != 0o400, mode != 0o600, !isShared else { return nil }
            guard mode & 0o077 != 0 else { return "not the mode of a key" }
            return mode & 0o007 != 0 ? "every user may use it" : group(status, "use")
        }
        if status.isOnReadOnlyMount { return nil }
        if mode & 0o002 != 0 { return "every user may write to it" }
        guard mode & 0o020 != 0 else { return nil }
        let isAllowed = role != .command && groups.contains(status.group)
        return isAllowed ? nil : group(status, "write to")
    }

    private func group(_ status: FileStatus, _ verb: String) -> String {
        "group \(status.group) may \(verb) it"
    }

    private func octal(_ status: FileStatus) -> String {
        let digits = String(status.permissions, radix: 8)
        return "0" + String(repeating: "0", count: 3 - digits.count) + digits
    }

    /// The effective group and the supplementary groups of the process.
    private static func ownGroups() -> Set<UInt32> {
        let count = getgroups(0, nil)
        guard count > 0 else { return [getegid()] }
        var groups = [gid_t](repeating: 0, count: Int(count))
        let filled = unsafe getgroups(count, &groups)
        return Set(groups.prefix(Int(max(filled, 0)))).union([getegid()])
    }
}
