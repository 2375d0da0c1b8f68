import Foundation
import Testing

@testable import Sealing

@Suite("Signatures")
struct SigningTests {
    @Test("a signature holds for its message and key alone")
    func verify() throws {
        let key = try SigningKey.generate()
        let message = pattern(100)
        let signature = try key.sign(message)
        #expect(signature.count == SigningKey.signatureBytes)
        #expect(key.publicKey.verify(signature: signature, over: message))
        #expect(!key.publicKey.verify(signature: signature, over: message + [0]))
        #expect(!key.publicKey.verify(signature: signature, over: []))
        #expect(!(try SigningKey.generate()).publicKey.verify(signature: signature, over: message))
    }

    @Test("every flip of one bit of a signature, and every other length, is refused")
    func altered() throws {
        let key = try SigningKey.generate()
        let message = pattern(10)
        let signature = try key.sign(message)
        for bit in 0..<(signature.count * 8) {
            let altered = signature.flippingBit(bit)
            #expect(!key.publicKey.verify(signature: altered, over: message), "bit \(bit)")
        }
        for count in [0, 1, 32, 63, 65, 128] {
            let cut = Array((signature + signature).prefix(count))
            #expect(!key.publicKey.verify(signature: cut, over: message))
        }
    }

    @Test("the key of a seed is the same key")
    func seed() throws {
        let key = try SigningKey.generate()
        #expect(try SigningKey(seed: key.seed).publicKey == key.publicKey)
    }

    @Test("a public key of another size is refused", arguments: [0, 31, 33, 64])
    func rawSize(count: Int) {
        #expect(code { _ = try VerifyingKey(raw: pattern(count)) } == .format)
    }

    @Test("text that is no Ed25519 public key is refused")
    func malformedPEM() throws {
        let pem = try SigningKey.generate().publicKey.pem
        // A P-256 key: the base point of the curve.
        let otherAlgorithm = """
            -----BEGIN PUBLIC KEY-----
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
            6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
            -----END PUBLIC KEY-----

            """
        let texts = [
            "", "key", String(pem.dropFirst()), String(pem.dropLast(20)),
            pem.replacing("PUBLIC", with: "PRIVATE"), otherAlgorithm,
            String(repeating: "a", count: SealingLimits.maxSmallFileBytes + 1),
        ]
        for text in texts {
            #expect(code { _ = try VerifyingKey(pem: text) } == .format, "\(text.prefix(80))")
        }
    }

    @Test("a signing key is kept wrapped, and opens with the same keys for the same registry")
    func file() throws {
        try withFolder { folder in
            let provider = try FolderKeyProvider.create(in: folder)
            let registry = pattern(16)
            let key = try SigningKeyFile.create(
                folder: folder,
                provider: provider,
                registryID: registry
            )
            let opened = try SigningKeyFile.open(
                folder: folder,
                provider: provider,
                registryID: registry
            )
            #expect(opened.publicKey == key.publicKey && opened.seed == key.seed)
            #expect(try SigningKeyFile.publicKey(folder: folder) == key.publicKey)

            let stored = try Data(contentsOf: URL(filePath: "\(folder)/signing.key"))
            #expect(stored.range(of: Data(bytes(of: key.seed))) == nil)
            let text = String(decoding: stored, as: UTF8.self)
            #expect(!text.contains(Hex.encode(bytes(of: key.seed))))
            let attributes = try FileManager.default.attributesOfItem(
                atPath: "\(folder)/signing.key"
            )
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o400)
        }
    }

    @Test("a signing key is not made twice, and the files stay as they were")
    func createTwice() throws {
        try withFolder { folder in
            let provider = try FolderKeyProvider.create(in: folder)
            let key = try SigningKeyFile.create(
                folder: folder,
                provider: provider,
                registryID: pattern(16)
            )
            let failure = code {
                _ = try SigningKeyFile.create(
                    folder: folder,
                    provider: provider,
                    registryID: pattern(16)
                )
            }
            #expect(failure == .keyAccess)
            #expect(try SigningKeyFile.publicKey(folder: folder) == key.publicKey)
        }
    }

    @Test("a signing key of another registry, altered, or with another's public file is refused")
    func refusedFiles() throws {
        try withFolder { folder in
            let provider = try FolderKeyProvider.create(in: folder)
            let registry = pattern(16)
            func open(_ registry: [UInt8]) -> SealingError.Code? {
                code {
                    _ = try SigningKeyFile.open(
                        folder: folder,
                        provider: provider,
                        registryID: registry
                    )
                }
            }
            #expect(open(registry) == .keyMissing)
            _ = try SigningKeyFile.create(
                folder: folder,
                provider: provider,
                registryID: registry
            )
            #expect(open(pattern(17)) == .authentication)
            #expect(open(registry) == nil)

            try replace("\(folder)/signing.pub.pem", try SigningKey.generate().publicKey.pem)
            #expect(open(registry) == .format)
            try replace("\(folder)/signing.pub.pem", "no key")
            #expect(open(registry) == .format)
            #expect(unlink("\(folder)/signing.pub.pem") == 0)
            #expect(open(registry) == .keyMissing)

            try replace("\(folder)/signing.key", "no key")
            #expect(open(registry) == .keyAccess)
            try setMode("\(folder)/signing.key", 0o400)
            #expect(open(registry) == .format)
        }
    }

    private func replace(_ path: String, _ text: String) throws {
        _ = unlink(path)
        try Data(text.utf8).write(to: URL(filePath: path))
    }
}
