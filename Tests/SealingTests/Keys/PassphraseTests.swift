import Foundation
import Testing

@testable import Sealing

@Suite("Keys from a passphrase")
struct PassphraseTests {
    private let context = WrapContext(
        registryID: pattern(16),
        model: "m",
        bundleID: pattern(16).reversed()
    )

    private func passphrases(_ text: String, in folder: String, mode: Int = 0o400) throws
        -> Passphrases
    {
        let path = "\(folder)/passphrase-\(UUID().uuidString)"
        try Data(text.utf8).write(to: URL(filePath: path))
        try setMode(path, mode)
        return try Passphrases(file: path)
    }

    /// RFC 7914, section 12.
    @Test(
        "scrypt gives the published vectors",
        arguments: [
            (
                "", "", UInt64(16), UInt64(1), UInt64(1),
                "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                    + "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
            ),
            (
                "password", "NaCl", 1_024, 8, 16,
                "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                    + "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
            ),
            (
                "pleaseletmein", "SodiumChloride", 16_384, 8, 1,
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                    + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
            ),
        ]
    )
    func vectors(
        passphrase: String,
        salt: String,
        cost: UInt64,
        blockSize: UInt64,
        parallelisation: UInt64,
        expected: String
    ) throws {
        var output = [UInt8](repeating: 0, count: 64)
        try Array(passphrase.utf8).withRawSpan { (text: RawSpan) throws(SealingError) in
            var span = output.mutableSpan
            var bytes = span.mutableBytes
            try KeyDerivation.scrypt(
                passphrase: text,
                salt: Array(salt.utf8),
                cost: cost,
                blockSize: blockSize,
                parallelisation: parallelisation,
                into: &bytes
            )
        }
        #expect(Hex.encode(output) == expected)
    }

    @Test("what was wrapped opens with the same passphrase, and with no other")
    func roundTrip() throws {
        try withFolder { folder in
            let right = try passphrases("correct horse\n", in: folder)
            let created = try PassphraseKeyProvider.create(in: folder, passphrases: right)
            let secret = try SecretKey.random()
            let wrapped = try created.wrap(secret, context: context)
            let opened = try PassphraseKeyProvider(folder: folder, passphrases: right)
            #expect(try opened.unwrap(wrapped, context: context) == secret)
            #expect(opened.currentKeyID == created.currentKeyID)
            let wrong = try passphrases("correct horse ", in: folder)
            #expect(
                code { _ = try PassphraseKeyProvider(folder: folder, passphrases: wrong) }
                    == .authentication
            )
            #expect(
                code { _ = try PassphraseKeyProvider.create(in: folder, passphrases: right) }
                    == .keyAccess
            )
        }
    }

    @Test(
        "a byte order mark and carriage returns do not count",
        arguments: ["\u{FEFF}secret", "secret\r\n", "\u{FEFF}secret\r\nold\r\n"]
    )
    func foreignEditors(text: String) throws {
        try withFolder { folder in
            let plain = try passphrases("secret", in: folder)
            let created = try PassphraseKeyProvider.create(in: folder, passphrases: plain)
            let other = try passphrases(text, in: folder)
            let opened = try PassphraseKeyProvider(folder: folder, passphrases: other)
            #expect(opened.currentKeyID == created.currentKeyID)
        }
    }

    @Test("a key of a passphrase with a carriage return, of an earlier release, still opens")
    func untrimmed() throws {
        try withFolder { folder in
            // The trimmed line is tried first, so this makes the key that the whole line made.
            let before = try passphrases("secret\r\r\n", in: folder)
            let created = try PassphraseKeyProvider.create(in: folder, passphrases: before)
            let file = try passphrases("secret\r\n", in: folder)
            #expect(
                code { _ = try PassphraseKeyProvider(folder: folder, passphrases: file) } == nil
            )
            let opened = try PassphraseKeyProvider(folder: folder, passphrases: file)
            #expect(opened.currentKeyID == created.currentKeyID)
        }
    }

    @Test(
        "a line of a carriage return alone is empty",
        arguments: ["\r\n", "a\r\n\r\nb", "\u{FEFF}"]
    )
    func emptyLines(text: String) throws {
        try withFolder { folder in
            #expect(code { _ = try passphrases(text, in: folder) } == .format)
        }
    }

    @Test("a new passphrase in front of the old one takes over at a rotation")
    func change() throws {
        try withFolder { folder in
            let old = try passphrases("old", in: folder)
            let first = try PassphraseKeyProvider.create(in: folder, passphrases: old)
            let wrapped = try first.wrap(try SecretKey.random(), context: context)
            let both = try PassphraseKeyProvider(
                folder: folder,
                passphrases: try passphrases("new\nold\n", in: folder)
            )
            let before = both.currentKeyID
            #expect(try both.addKey() && both.currentKeyID != before)
            #expect(throws: Never.self) { try both.unwrap(wrapped, context: context) }
            try both.retireKey(before)
            #expect(try both.retiredKeyIDs() == [before])
            #expect(code { _ = try both.unwrap(wrapped, context: context) } == .keyMissing)
            let new = try passphrases("new", in: folder)
            let after = try PassphraseKeyProvider(folder: folder, passphrases: new)
            #expect(after.keyIDs == [both.currentKeyID])
        }
    }

    @Test("empty, too many and too long passphrases are refused, and open files")
    func bounds() throws {
        try withFolder { folder in
            for text in ["", "\n", "a\n\nb"] {
                #expect(code { _ = try passphrases(text, in: folder) } == .format)
            }
            let most = Array(repeating: "x", count: SealingLimits.maxPassphrases)
            _ = try passphrases(most.joined(separator: "\n"), in: folder)
            #expect(
                code { _ = try passphrases((most + ["x"]).joined(separator: "\n"), in: folder) }
                    == .limit
            )
            let long = String(repeating: "x", count: SealingLimits.maxPassphraseBytes)
            _ = try passphrases(long, in: folder)
            #expect(code { _ = try passphrases(long + "x", in: folder) } == .limit)
            #expect(code { _ = try passphrases("a", in: folder, mode: 0o444) } == .keyAccess)
        }
    }

    @Test(
        "a file of parameters in any other form, or of another cost, is refused",
        arguments: [
            ("\"n\":131072", "\"n\":131073"), ("\"n\":131072", "\"n\":8192"),
            ("\"n\":131072", "\"n\":2097152"), ("\"p\":1", "\"p\":2"), ("\"r\":8", "\"r\":9"),
            ("{", "{ "), ("\"salt\":\"", "\"salt\":\"00"), ("\n", ""), ("\"id\"", "\"name\""),
        ]
    )
    func parameters(what: String, other: String) throws {
        try withFolder { folder in
            let path = "\(folder)/parameters"
            let text = ScryptParameters(salt: pattern(32)).text(id: "0123456789abcdef")
            try Data(text.utf8).write(to: URL(filePath: path))
            #expect(try ScryptParameters(reading: path).salt == pattern(32))
            let altered = text.replacingOccurrences(of: what, with: other)
            try Data(altered.utf8).write(to: URL(filePath: path))
            #expect(code { _ = try ScryptParameters(reading: path) } == .format)
        }
    }
}
