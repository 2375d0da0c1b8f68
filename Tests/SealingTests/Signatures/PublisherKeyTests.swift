import Foundation
import Sealing
import Testing

@Suite("Publishers' keys")
struct PublisherKeyTests {
    private func pem(_ name: String) throws -> String {
        String(decoding: try modelSigningFile("keys/\(name).pem"), as: UTF8.self)
    }

    private func modelSigningFile(_ path: String) throws -> Data {
        let tests = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try Data(contentsOf: tests.appending(path: "Vectors/model-signing/\(path)"))
    }

    private func message(_ pem: String) -> String {
        do throws(SealingError) {
            _ = try PublisherKey(pem: pem)
            return ""
        } catch {
            return error.message
        }
    }

    @Test(
        "P-256 and P-384 are taken, and spelled as the key file spells them",
        arguments: [
            "p256", "p384",
        ]
    )
    func taken(name: String) throws {
        let text = try pem(name)
        let key = try PublisherKey(pem: text)
        #expect(key.pem == text)
        #expect(key.fingerprint == Digest.sha256(Array(text.utf8)))
    }

    @Test("a compressed point, other line ends and text around it make the same key")
    func spellings() throws {
        let text = try pem("p256")
        let key = try PublisherKey(pem: text)
        #expect(try PublisherKey(pem: try pem("p256-compressed")) == key)
        #expect(try PublisherKey(pem: text.replacing("\n", with: "\r\n")) == key)
        #expect(try PublisherKey(pem: "alice's key\n" + text + "\n\n") == key)
        #expect(try PublisherKey(pem: try pem("p384")) != key)
    }

    @Test(
        "other algorithms and curves are refused by name",
        arguments: [
            ("ed25519", "ED25519"), ("rsa", "RSA"), ("p521", "secp521r1"),
            ("secp256k1", "secp256k1"),
        ]
    )
    func otherKeys(name: String, part: String) throws {
        let message = message(try pem(name))
        #expect(message.contains(part), "\(message)")
        #expect(message.contains("expected an ECDSA key on P-256 or P-384"), "\(message)")
    }

    @Test("what is no public key says what it is instead")
    func otherTexts() throws {
        #expect(message(try pem("p256-key")).contains("'-----BEGIN PRIVATE KEY-----', expected"))
        #expect(message("").contains("no PEM text"))
        #expect(message(try pem("p256") + (try pem("p384"))).contains("2 PEM texts"))
        let cut = try pem("p256").split(separator: "\n").dropLast().joined(separator: "\n")
        #expect(message(cut).contains("not a public key in PEM"))
        let off = try pem("p256").replacing(
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            with: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEA"
        )
        #expect(message(off) != "")
        #expect(message(String(repeating: " ", count: 16 << 10) + (try pem("p256"))) != "")
    }

    @Test("a point that is not on its curve is refused")
    func offCurve() throws {
        let lines = try pem("p256").split(separator: "\n")
        var der = try #require(Data(base64Encoded: lines[1...2].joined()))
        der[der.count - 1] ^= 1
        let text =
            "-----BEGIN PUBLIC KEY-----\n\(der.base64EncodedString())\n"
            + "-----END PUBLIC KEY-----\n"
        #expect(message(text).contains("not a public key in PEM"))
    }

    @Test(
        "a signature holds for its message and key, and with no bit changed",
        arguments: [
            "p256", "p384",
        ]
    )
    func verifying(name: String) throws {
        let envelope = try JSONDecoder().decode(
            Envelope.self,
            from: try modelSigningFile("signatures/\(name).sig")
        ).dsseEnvelope
        let payload = try #require(Data(base64Encoded: envelope.payload))
        let type = envelope.payloadType
        let message = Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
        let sig = try #require(envelope.signatures.first).sig
        let signature = [UInt8](try #require(Data(base64Encoded: sig)))
        let key = try PublisherKey(pem: try pem(name))
        #expect(key.verify(signature: signature, over: message))
        #expect(
            !(try PublisherKey(pem: try pem("other"))).verify(signature: signature, over: message)
        )
        for bit in 0..<signature.count * 8 {
            #expect(!key.verify(signature: signature.flippingBit(bit), over: message), "bit \(bit)")
        }
        for bit in stride(from: 0, to: message.count * 8, by: 61) {
            #expect(!key.verify(signature: signature, over: message.flippingBit(bit)), "bit \(bit)")
        }
        #expect(!key.verify(signature: signature + [0], over: message))
        #expect(!key.verify(signature: [], over: message))
    }

    private struct Envelope: Decodable {
        struct DSSE: Decodable {
            struct Signature: Decodable { let sig: String }
            let payload: String
            let payloadType: String
            let signatures: [Signature]
        }
        let dsseEnvelope: DSSE
    }
}
