import Foundation
import Testing

@testable import Sealing

@Suite("Keys in a folder")
struct FolderKeyProviderTests {
    private let context = WrapContext(
        registryID: pattern(16),
        model: "m",
        bundleID: pattern(16).reversed()
    )

    @Test("a new folder has one key, closed to all others, and opens again with it")
    func create() throws {
        try withFolder { parent in
            let folder = "\(parent)/keys"
            let created = try FolderKeyProvider.create(in: folder)
            let id = created.currentKeyID
            #expect(created.keyIDs == [id] && id.count == 16)
            #expect(try mode(folder) == 0o700)
            #expect(try mode("\(folder)/kek-\(id).key") == 0o400)
            #expect(try contents("\(folder)/kek-\(id).key").count == 32)
            #expect(try contents("\(folder)/kek-current") == Array("\(id)\n".utf8))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(Set(names) == ["kek-\(id).key", "kek-current"])

            let opened = try FolderKeyProvider(folder: folder)
            let secret = try SecretKey.random()
            let wrapped = try created.wrap(secret, context: context)
            #expect(try opened.unwrap(wrapped, context: context) == secret)
        }
    }

    @Test("a folder that holds keys already is not given others")
    func createTwice() throws {
        try withFolder { folder in
            let first = try FolderKeyProvider.create(in: folder)
            #expect(code { _ = try FolderKeyProvider.create(in: folder) } == .keyAccess)
            #expect(try FolderKeyProvider(folder: folder).keyIDs == first.keyIDs)
        }
    }

    @Test(
        "a key file that group or others may write, or others read, is refused",
        arguments: [0o460, 0o444, 0o404, 0o420, 0o402, 0o410, 0o401, 0o640, 0o644, 0o777]
    )
    func openModes(mode: Int) throws {
        try withFolder { folder in
            let id = try FolderKeyProvider.create(in: folder).currentKeyID
            try setMode("\(folder)/kek-\(id).key", mode)
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .keyAccess)
        }
    }

    @Test(
        "a key file of its owner, or of a group of the process, is taken",
        arguments: [0o400, 0o600, 0o440]
    )
    func closedModes(mode: Int) throws {
        try withFolder { folder in
            let id = try FolderKeyProvider.create(in: folder).currentKeyID
            try setMode("\(folder)/kek-\(id).key", mode)
            #expect(try FolderKeyProvider(folder: folder).currentKeyID == id)
        }
    }

    @Test("a key file of another size is refused", arguments: [0, 31, 33])
    func size(count: Int) throws {
        try withFolder { folder in
            let id = try FolderKeyProvider.create(in: folder).currentKeyID
            try write(pattern(count), to: "\(folder)/kek-\(id).key")
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .format)
        }
    }

    @Test("a file that holds another key than its name says is refused")
    func otherKey() throws {
        try withFolder { folder in
            let id = try FolderKeyProvider.create(in: folder).currentKeyID
            try write(pattern(32), to: "\(folder)/kek-\(id).key")
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .format)
        }
    }

    @Test("a folder or a pipe under a key's name is refused at once")
    func notAFile() throws {
        try withFolder { folder in
            _ = try FolderKeyProvider.create(in: folder)
            let path = "\(folder)/kek-0123456789abcdef.key"
            #expect(mkdir(path, 0o700) == 0)
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .keyAccess)
            #expect(rmdir(path) == 0)
            #expect(mkfifo(path, 0o600) == 0)
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .keyAccess)
        }
    }

    @Test("a key file may be a link, and then what it leads to must be closed")
    func link() throws {
        try withFolder { folder in
            let keys = "\(folder)/keys"
            let id = try FolderKeyProvider.create(in: keys).currentKeyID
            let path = "\(keys)/kek-\(id).key"
            try FileManager.default.moveItem(atPath: path, toPath: "\(folder)/secret")
            #expect(symlink("../secret", path) == 0)
            #expect(try FolderKeyProvider(folder: keys).currentKeyID == id)
            try setMode("\(folder)/secret", 0o444)
            #expect(code { _ = try FolderKeyProvider(folder: keys) } == .keyAccess)
        }
    }

    @Test(
        "a current name that is no key id is refused",
        arguments: ["", "\n", "x", "0123456789ABCDEF", "0123456789abcdef\n\n", "../../etc/passwd"]
    )
    func malformedCurrent(text: String) throws {
        try withFolder { folder in
            _ = try FolderKeyProvider.create(in: folder)
            try write(Array(text.utf8), to: "\(folder)/kek-current")
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .format)
        }
    }

    @Test("a folder without folder, current name or current key says that a key is missing")
    func missing() throws {
        try withFolder { folder in
            #expect(code { _ = try FolderKeyProvider(folder: "\(folder)/none") } == .keyMissing)
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .keyMissing)
            let id = try FolderKeyProvider.create(in: folder).currentKeyID
            try write(Array("0123456789abcdef\n".utf8), to: "\(folder)/kek-current")
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .keyMissing)
            try write(Array(id.utf8), to: "\(folder)/kek-current")
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == nil)
        }
    }

    @Test("an enormous current name is refused without being read")
    func largeCurrent() throws {
        try withFolder { folder in
            _ = try FolderKeyProvider.create(in: folder)
            let path = "\(folder)/kek-current"
            try write(pattern(SealingLimits.maxSmallFileBytes), to: path)
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .format)
            try write(pattern(SealingLimits.maxSmallFileBytes + 1), to: path)
            #expect(code { _ = try FolderKeyProvider(folder: folder) } == .limit)
        }
    }

    @Test("files of other names are left alone")
    func otherFiles() throws {
        try withFolder { folder in
            let id = try FolderKeyProvider.create(in: folder).currentKeyID
            for name in ["sequence", "kek-x.key", "kek-\(id).key.tmp", "kek-\(id).scrypt", "a"] {
                try write([1], to: "\(folder)/\(name)")
            }
            #expect(try FolderKeyProvider(folder: folder).keyIDs == [id])
        }
    }

    @Test("what a process left that ended while it wrote is removed, and nothing else is")
    func unfinished() throws {
        try withFolder { folder in
            let id = try FolderKeyProvider.create(in: folder).currentKeyID
            let digits = "0123456789abcdef"
            let left = [
                "kek-\(id).key.\(digits).tmp", "kek-current.\(digits).tmp",
                "signing.key.\(digits).tmp", "signing.pub.pem.\(digits).tmp",
            ]
            let others = [
                "kek-\(id).key.tmp", "kek-\(id).key.\(digits)", "kek-\(id).key.\(digits)0.tmp",
                "kek-\(id).key.\(digits.dropLast())x.tmp", "sequence.\(digits).tmp", "kek-.tmp",
            ]
            for name in left + others { try write([1], to: "\(folder)/\(name)") }
            try SigningKeyFile.removeUnfinished(folder: folder)
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(Set(names) == Set(others + ["kek-\(id).key", "kek-current"]))
        }
    }

    @Test("a key whose file was moved aside already is retired all the same")
    func retiredBefore() throws {
        try withFolder { folder in
            let keys = try FolderKeyProvider.create(in: folder)
            let old = keys.currentKeyID
            #expect(try keys.addKey())
            try FolderKeyProvider(folder: folder).retireKey(old)
            #expect(keys.keyIDs.count == 2)
            try keys.retireKey(old)
            #expect(keys.keyIDs == [keys.currentKeyID])
            #expect(try keys.retiredKeyIDs() == [old])
        }
    }

    @Test("after another key became current, the old one still unwraps")
    func rotation() throws {
        try withFolder { folder in
            let old = try FolderKeyProvider.create(in: folder)
            let secret = try SecretKey.random()
            let wrapped = try old.wrap(secret, context: context)
            let added = KeyEncryptionKey(try secretKey(pattern(32)))
            try write(pattern(32), to: "\(folder)/kek-\(added.id).key", mode: 0o400)
            try write(Array(added.id.utf8), to: "\(folder)/kek-current")

            let both = try FolderKeyProvider(folder: folder)
            #expect(both.keyIDs == [old.currentKeyID, added.id].sorted())
            #expect(try both.unwrap(wrapped, context: context) == secret)
            let rewrapped = try both.wrap(secret, context: context)
            #expect(rewrapped.kekID == added.id)
            #expect(code { _ = try old.unwrap(rewrapped, context: context) } == .keyMissing)
        }
    }

    private func contents(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    private func write(_ bytes: [UInt8], to path: String, mode: Int = 0o600) throws {
        // A new file in place of the old one, since that may be read-only.
        _ = unlink(path)
        try Data(bytes).write(to: URL(filePath: path))
        try setMode(path, mode)
    }
}
