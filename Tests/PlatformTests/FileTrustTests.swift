import Foundation
import Platform
import Testing

@Suite("File trust")
struct FileTrustTests {
    /// A process of user 1000 with the groups 1000 and 50.
    private static let rules = FileTrust(user: 1000, groups: [1000, 50])

    /// Makes a file, gives it a mode, an owner and a group, and judges it.
    private func fault(
        mode: mode_t,
        owner: uid_t = 1000,
        group: gid_t = 1000,
        role: FileRole,
        rules: FileTrust = rules
    ) throws -> FileFault? {
        let path = NSTemporaryDirectory() + "trust-" + UUID().uuidString
        if role == .folder {
            try #require(mkdir(path, 0o700) == 0)
        } else {
            try #require(FileManager.default.createFile(atPath: path, contents: nil))
        }
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(chown(path, owner, group) == 0 && chmod(path, mode) == 0)
        return rules.fault(try #require(FileStatus(path: path)), path, role)
    }

    private static let isRoot = geteuid() == 0

    @Test(
        "a key has mode 0400, 0600, or 0440 with a group of the process",
        .enabled(if: isRoot, "only root may give files to other users")
    )
    func keys() throws {
        for mode in 0...0o777 as ClosedRange<mode_t> {
            let isRight = [0o400, 0o600, 0o440].contains(mode)
            let own = try fault(mode: mode, group: 50, role: .key)
            #expect((own == nil) == isRight, "\(String(mode, radix: 8)) \(own as Any)")
            let foreign = try fault(mode: mode, group: 7, role: .key)
            #expect((foreign == nil) == (isRight && mode != 0o440), "\(String(mode, radix: 8))")
        }
    }

    @Test(
        "what is trusted is written by its owner, or by a group of the process",
        .enabled(if: isRoot, "only root may give files to other users"),
        arguments: [FileRole.trusted, .folder, .command]
    )
    func trusted(role: FileRole) throws {
        for mode in 0...0o777 as ClosedRange<mode_t> {
            for group in [50, 7] as [gid_t] {
                let groupWrites = mode & 0o020 != 0 && (role == .command || group == 7)
                let isWrong = mode & 0o002 != 0 || groupWrites
                let found = try fault(mode: mode, group: group, role: role)
                #expect((found != nil) == isWrong, "\(String(mode, radix: 8)) group \(group)")
            }
        }
    }

    @Test(
        "files of root and of the process's user are taken, those of others are not",
        .enabled(if: isRoot, "only root may give files to other users"),
        arguments: [FileRole.trusted, .folder, .command, .key]
    )
    func owners(role: FileRole) throws {
        #expect(try fault(mode: 0o400, owner: 0, role: role) == nil)
        #expect(try fault(mode: 0o400, owner: 1000, role: role) == nil)
        let fault = try fault(mode: 0o400, owner: 1001, role: role)
        #expect(fault?.kind == .owner)
        #expect(
            fault?.problem.contains(
                "0400 and belongs to user 1001; expected the owner root or user 1000"
            ) == true
        )
        let own = FileTrust(user: 0, groups: [0])
        #expect(try self.fault(mode: 0o400, owner: 1000, role: role, rules: own)?.kind == .owner)
    }

    @Test("a fault names the file, its mode and the mode to set, on one line")
    func texts() throws {
        let path = NSTemporaryDirectory() + "a\nb-" + UUID().uuidString
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(chmod(path, 0o666) == 0)
        let status = try #require(FileStatus(path: path))
        let fault = try #require(FileTrust.strict.fault(status, path, .trusted))
        #expect("\(fault)".contains("a\\nb-") && !"\(fault)".contains("\n"))
        #expect(
            fault.problem.hasPrefix("has mode 0666: every user may write to it; expected a mode")
        )
        try #require(chmod(path, 0o604) == 0)
        let key = FileTrust.strict.fault(try #require(FileStatus(path: path)), path, .key)
        #expect(
            key?.problem == "has mode 0604: every user may use it; "
                + "expected mode 0400 or 0600, or 0440 with a group of this process"
        )
    }

    @Test("a client judges the modes of keys alone")
    func clients() throws {
        #expect(
            try fault(
                mode: 0o666,
                owner: geteuid(),
                group: getegid(),
                role: .trusted,
                rules: .client
            ) == nil
        )
        let key = try fault(
            mode: 0o666,
            owner: geteuid(),
            group: getegid(),
            role: .key,
            rules: .client
        )
        #expect(key?.kind == .mode)
    }

    @Test("tolerated faults are reported and not thrown, but not those of the file's kind")
    func tolerance() throws {
        let path = NSTemporaryDirectory() + "trust-" + UUID().uuidString
        try #require(mkfifo(path, 0o666) == 0)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #require(chmod(path, 0o666) == 0)
        let faults = Reported()
        let rules = FileTrust.strict.tolerating { faults.list.append($0) }
        #expect(throws: FileFault.self) { try rules.check(JudgedPath(path, .trusted)) }
        #expect(faults.list.isEmpty)
        try #require(unlink(path) == 0 && mkdir(path, 0o777) == 0 && chmod(path, 0o777) == 0)
        try rules.check(JudgedPath(path, .folder))
        #expect(faults.list.map(\.kind) == [.mode])
    }

    private final class Reported: @unchecked Sendable {
        var list: [FileFault] = []
    }

    @Test("a link is judged by its target, and a path that leads nowhere passes")
    func links() throws {
        let folder = NSTemporaryDirectory() + "trust-" + UUID().uuidString
        try #require(mkdir(folder, 0o700) == 0)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, mode) in [("open", 0o666), ("closed", 0o600)] as [(String, mode_t)] {
            let target = folder + "/" + name
            try #require(FileManager.default.createFile(atPath: target, contents: nil))
            try #require(chmod(target, mode) == 0 && symlink(target, target + ".link") == 0)
        }
        try FileTrust.strict.check(JudgedPath(folder + "/closed.link", .key))
        #expect(throws: FileFault.self) {
            try FileTrust.strict.check(JudgedPath(folder + "/open.link", .trusted))
        }
        try #require(symlink(folder + "/none", folder + "/dangling") == 0)
        try FileTrust.strict.check(JudgedPath(folder + "/dangling", .trusted))
    }

    @Test("FIFOs, devices and folders are no files", arguments: ["/dev/zero", "/dev/null", "/tmp"])
    func kinds(path: String) throws {
        let fault = FileTrust.strict.fault(try #require(FileStatus(path: path)), path, .trusted)
        #expect(fault?.kind == .kind)
        #expect(fault?.problem.hasSuffix("; expected a regular file") == true)
    }
}
