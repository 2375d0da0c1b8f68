import Foundation
import Registry
import Sealing
import Testing

@Suite("Starting")
struct StartTests {
    /// A home with three versions, an alias and a history, that nobody has open.
    private func populated() throws -> TestHome {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall(alias: "live", serve: true)
        _ = try registry.publishSmall("other")
        return home
    }

    @Test("a registry is created once; creating again changes nothing")
    func create() throws {
        let home = try populated()
        let keys = try FolderKeyProvider(folder: home.path + "/keys")
        let before = try home.files(below: "").map {
            try Data(contentsOf: URL(fileURLWithPath: $0))
        }
        #expect(
            refusal {
                try Registry.create(
                    layout: home.layout,
                    registryID: home.registryID,
                    keys: keys,
                    signing: try SigningKey.generate()
                )
            } == .alreadyExists
        )
        let after = try home.files(below: "").map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        #expect(before == after)
        #expect(try home.open().modelExists("other"))
    }

    @Test("a folder without a registry is refused")
    func missing() throws {
        let home = try TestHome()
        let layout = RegistryLayout(home: home.path + "/nowhere")
        #expect(
            refusal {
                try Registry(
                    layout: layout,
                    keys: FolderKeyProvider(folder: home.path + "/keys"),
                    signing: try SigningKey.generate()
                )
            } == .unavailable
        )
    }

    @Test("a second process on the store is refused, and the lock ends with the first")
    func lock() throws {
        let home = try TestHome()
        var first: Registry? = try home.open()
        #expect(first?.fault == nil)
        #expect(refusal { try home.open() } == .unavailable)
        #expect(message { try home.open() }.contains("another process"))
        first = nil
        #expect(refusal { try home.open() } == nil)
    }

    @Test("another signing key, another key-encryption key, or none, is refused")
    func wrongKeys() throws {
        let home = try populated()
        let keys = try FolderKeyProvider(folder: home.path + "/keys")
        #expect(
            refusal {
                try Registry(
                    layout: home.layout,
                    keys: keys,
                    signing: try SigningKey.generate()
                )
            } == .unavailable
        )
        let signing = try SigningKeyFile.open(
            folder: home.path + "/keys",
            provider: keys,
            registryID: home.registryID
        )
        let other = try FolderKeyProvider.create(in: home.path + "/other-keys")
        #expect(
            refusal { try Registry(layout: home.layout, keys: other, signing: signing) }
                == .unavailable
        )
        #expect(refusal { try Registry(layout: home.layout, keys: keys, signing: signing) } == nil)
        for name in try FileManager.default.contentsOfDirectory(atPath: home.path + "/keys")
        where name.hasPrefix("kek-") {
            try FileManager.default.removeItem(atPath: home.path + "/keys/" + name)
        }
        #expect(throws: (any Error).self) { try home.open() }
    }

    @Test("an older copy of the store is noticed by the sequence beside the keys")
    func oldCopy() throws {
        let home = try populated()
        let old = try home.copy()
        do {
            let registry = try home.open()
            _ = try registry.publishSmall()
        }
        let files = FileManager.default
        try files.removeItem(atPath: home.path + "/store")
        try files.copyItem(atPath: old.path + "/store", toPath: home.path + "/store")
        #expect(refusal { try home.open() } == .unavailable)
        #expect(message { try home.open() }.contains("older copy"))
    }

    @Test("a sequence that a crash left behind is brought up to date; a missing one is refused")
    func sequence() throws {
        let home = try populated()
        let path = home.path + "/keys/sequence"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let number = try #require(Int(text.dropLast()))
        try "\(number - 2)\n".write(toFile: path, atomically: true, encoding: .utf8)
        _ = try home.open()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        for wrong in ["\(number + 1)\n", "", "x\n", "\(number)", "-1\n"] {
            try wrong.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(refusal { try home.open() } == .unavailable, "\(wrong)")
        }
        try FileManager.default.removeItem(atPath: path)
        #expect(refusal { try home.open() } == .unavailable)
    }

    @Test("a next sequence that a crash left is the head's to judge, and is gone after the start")
    func nextSequence() throws {
        let home = try populated()
        let path = home.path + "/keys/sequence"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let number = try #require(Int(text.dropLast()))
        // Before its commit, after it and before its name, and cut short.
        for (present, next) in [
            ("\(number)\n", "\(number + 1)\n"), ("\(number - 1)\n", text), (text, ""), (text, "x"),
        ] {
            try present.write(toFile: path, atomically: true, encoding: .utf8)
            try next.write(toFile: path + ".new", atomically: true, encoding: .utf8)
            #expect(refusal { try home.open() } == nil, "\(present) \(next)")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
            #expect(!FileManager.default.fileExists(atPath: path + ".new"))
        }
        // It vouches for nothing: an older copy is refused whatever it says, and so is none.
        try "\(number + 1)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try text.write(toFile: path + ".new", atomically: true, encoding: .utf8)
        #expect(message { try home.open() }.contains("older copy"))
        try FileManager.default.removeItem(atPath: path)
        #expect(refusal { try home.open() } == .unavailable)
    }

    @Test(
        "a head, an alias, a sequence or a log that is not the signed one is refused",
        arguments: [
            "UPDATE catalogue SET head = replace(head, '\"sequence\":', '\"sequence\":1')",
            "UPDATE catalogue SET signature = substr(signature, 3) || '00'",
            "UPDATE catalogue SET signature = ''",
            "UPDATE catalogue SET signature = 'zz'",
            "UPDATE catalogue SET sequence = sequence + 1",
            "UPDATE catalogue SET record_sha256 = \(firstDigitFlipped("record_sha256"))",
            "UPDATE catalogue SET registry_id = \(firstDigitFlipped("registry_id"))",
            "DELETE FROM catalogue",
            "UPDATE aliases SET version = 1",
            "UPDATE aliases SET target_version = 1",
            "UPDATE aliases SET generation = generation + 1",
            "DELETE FROM aliases",
            "INSERT INTO aliases VALUES ('other', 'live', 1, 1, 1, '', 0, '')",
            "DELETE FROM audit WHERE sequence = (SELECT MAX(sequence) FROM audit)",
            """
            UPDATE audit SET principal = 'cert:eve'
            WHERE sequence = (SELECT MAX(sequence) FROM audit)
            """,
            "INSERT INTO audit SELECT sequence + 1, unix_ms, principal, action, model, version, "
                + "detail, previous_hash, hash FROM audit ORDER BY sequence DESC LIMIT 1",
        ]
    )
    func tampered(statement: String) throws {
        let home = try populated()
        try home.sql(statement)
        let changesNothing = statement.contains("registry_id")
        let found = refusal { try home.open() }
        #expect(
            found == .unavailable || changesNothing,
            "\(statement): \(String(describing: found))"
        )
    }

    @Test("a database with damaged pages is refused")
    func damagedDatabase() throws {
        let home = try populated()
        let path = home.layout.databasePathForTests
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for page in stride(from: 4_096, to: bytes.count, by: 4_096) {
            bytes.replaceSubrange(page..<page + 64, with: Data(repeating: 0xA5, count: 64))
        }
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(refusal { try home.open() } == .unavailable)
        try Data("not a database".utf8).write(to: URL(fileURLWithPath: path))
        #expect(refusal { try home.open() } == .unavailable)
    }

    @Test("a refusal names nothing of the server to a caller")
    func messages() throws {
        let home = try populated()
        let registry = try home.open()
        for text in [
            message { try home.open() }, message { try registry.open(model: "x", version: 1) },
            message { try registry.alias(model: "other", alias: "live") },
        ] {
            #expect(!text.isEmpty && !text.contains(home.path) && !text.contains("/"), "\(text)")
        }
    }
}
