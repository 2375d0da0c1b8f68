import Foundation
import Testing
import Text

@testable import Registry
@testable import Server

@Suite("Which models need signed bundles")
struct SignatureRuleTests {
    private static var keys: String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Vectors/model-signing/keys").path()
    }

    private func read(_ yaml: String, name: String = "/home/strongroom.yaml") throws
        -> [SignatureRule]
    {
        try ConfigurationFile(yaml, name: name, known: ServerConfiguration.keys).signatures
    }

    private func policy(_ yaml: String) throws -> SignerPolicy {
        try SignerPolicy(try read(yaml, name: Self.keys + "/strongroom.yaml"))
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return (error as? ServerError)?.message ?? "another error: \(error)"
        }
    }

    @Test("rules are read beside the other keys, and relative paths are the home's")
    func rules() throws {
        let yaml = """
            listen: 127.0.0.1:1
            signatures:
              - {models: "sentiment*", public_key: /etc/strongroom/alice.pem}
              - models: '*'
                public_key: keys/bob.pem
            log: {level: debug}
            """
        let file = try ConfigurationFile(
            yaml,
            name: "/home/strongroom.yaml",
            known: ServerConfiguration.keys
        )
        #expect(file.values == ["listen": "127.0.0.1:1", "log.level": "debug"])
        #expect(
            file.signatures.map(\.publicKeyPath) == [
                "/etc/strongroom/alice.pem", "/home/keys/bob.pem",
            ]
        )
        #expect(file.signatures.map(\.models.text) == ["sentiment*", "*"])
        #expect(try read("signatures: []").isEmpty)
        #expect(try read("listen: 127.0.0.1:1").isEmpty)
    }

    @Test(
        "a rule that is not as it should be is an error with file, line and key",
        arguments: [
            ("signatures: 3", ":1: 'signatures' takes a list"),
            ("signatures:", ":1: 'signatures' takes a list"),
            ("signatures: {models: a, public_key: b}", ":1: 'signatures' takes a list"),
            ("signatures:\n- a", ":2: 'signatures[0]' takes 'models' and 'public_key'"),
            ("signatures:\n- {models: a}", ":2: 'signatures[0].public_key' is missing"),
            ("signatures:\n- {public_key: a}", ":2: 'signatures[0].models' is missing"),
            (
                "signatures:\n- {models: a, public_key: b}\n- {models: a, key: b}",
                ":3: unknown key 'signatures[1].key'"
            ),
            ("signatures:\n- {models: , public_key: b}", "'signatures[0].models' has no value"),
            ("signatures:\n- {models: '', public_key: b}", "'signatures[0].models' has no value"),
            (
                "signatures:\n- models: a\n  public_key: [b]",
                ":3: 'signatures[0].public_key' takes one value"
            ),
            (
                "signatures:\n- {models: \(String(repeating: "a", count: 257)), public_key: b}",
                "has 257 bytes, at most 256"
            ),
            ("signature: []", "unknown key 'signature'"),
        ]
    )
    func badRules(yaml: String, part: String) {
        let message = message { _ = try read(yaml) }
        #expect(message.contains(part), "\(message)")
    }

    @Test("a pattern at its limit is taken")
    func longPattern() throws {
        let pattern = String(repeating: "a", count: 256)
        #expect(try read("signatures:\n- {models: \(pattern), public_key: b}").count == 1)
    }

    @Test("the keys of all rules that name a model may sign for it")
    func policies() throws {
        let policy = try policy(
            """
            signatures:
              - {models: "sentiment*", public_key: p256.pem}
              - {models: "sentiment-large", public_key: p384.pem}
              - {models: "*-large", public_key: other.pem}
            """
        )
        #expect(policy.keys(for: "sentiment").count == 1)
        #expect(policy.keys(for: "sentiment-large").count == 3)
        #expect(policy.keys(for: "other-large").count == 1)
        #expect(policy.keys(for: "other").isEmpty)
        #expect(SignerPolicy.none.keys(for: "sentiment").isEmpty)
    }

    @Test(
        "a key file that is none is an error with file, line, key and reason",
        arguments: [
            ("none.pem", "none.pem cannot be read: No such file"),
            ("ed25519.pem", "ED25519, expected an ECDSA key on P-256 or P-384"),
            ("p256-key.pem", "expected '-----BEGIN PUBLIC KEY-----'"),
            ("..", "is a folder; expected a regular file"),
        ]
    )
    func badKeys(file: String, part: String) {
        let message = message {
            _ = try policy("signatures:\n- models: a\n  public_key: \(file)")
        }
        #expect(message.contains("strongroom.yaml:3: 'signatures[0].public_key': "), "\(message)")
        #expect(message.contains(part), "\(message)")
    }
}
