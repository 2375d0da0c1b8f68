import Testing

@testable import Sealing

@Suite("Published vectors")
struct PublishedVectorTests {
    struct AEADCase: Decodable {
        let name: String
        let key, nonce, plaintext, additional, ciphertext, tag: HexBytes
    }

    struct OpenCase: Decodable {
        let name: String
        let key, nonce, additional, ciphertext, tag: HexBytes
        /// Absent where the tag does not hold.
        let plaintext: HexBytes?
    }

    struct HKDFCase: Decodable {
        let name: String
        let input, salt, info, output: HexBytes
    }

    struct SignatureCase: Decodable {
        let name: String
        let seed, `public`, message, signature: HexBytes
        let pem: String
    }

    @Test(
        "AES-256-GCM seals and opens the GCM specification's cases and NIST's",
        arguments: [("vectors", 4), ("nist-cavp-encrypt", 100)]
    )
    func aesGCM(file: String, count: Int) throws {
        let cases = try vectors("aes-256-gcm/\(file).json", as: [AEADCase].self)
        #expect(cases.count == count)
        for vector in cases {
            let key = try vector.key.key
            let sealed = try AESGCM.seal(
                vector.plaintext.bytes.span.bytes,
                key: key,
                nonce: vector.nonce.bytes,
                additional: vector.additional.bytes
            )
            #expect(sealed == vector.ciphertext.bytes + vector.tag.bytes, "\(vector.name)")
            var opened = [UInt8](repeating: 0xAA, count: vector.plaintext.bytes.count)
            var span = opened.mutableSpan
            var output = span.mutableBytes
            try AESGCM.open(
                sealed.span.bytes,
                key: key,
                nonce: vector.nonce.bytes,
                additional: vector.additional.bytes,
                into: &output
            )
            #expect(opened == vector.plaintext.bytes, "\(vector.name)")
        }
    }

    @Test("AES-256-GCM opens NIST's cases, and refuses those that NIST made to fail")
    func aesGCMOpen() throws {
        let cases = try vectors("aes-256-gcm/nist-cavp-decrypt.json", as: [OpenCase].self)
        #expect(cases.count == 100 && cases.count { $0.plaintext == nil } == 50)
        for vector in cases {
            let key = try vector.key.key
            let sealed = vector.ciphertext.bytes + vector.tag.bytes
            var opened = [UInt8](repeating: 0xAA, count: vector.ciphertext.bytes.count)
            let failure = code {
                var span = opened.mutableSpan
                var output = span.mutableBytes
                try AESGCM.open(
                    sealed.span.bytes,
                    key: key,
                    nonce: vector.nonce.bytes,
                    additional: vector.additional.bytes,
                    into: &output
                )
            }
            #expect(failure == (vector.plaintext == nil ? .authentication : nil), "\(vector.name)")
            let nothing = [UInt8](repeating: 0, count: opened.count)
            #expect(opened == vector.plaintext?.bytes ?? nothing, "\(vector.name)")
        }
    }

    @Test("HKDF-SHA-256 derives RFC 5869's cases")
    func hkdf() throws {
        for vector in try vectors("hkdf-sha-256/vectors.json", as: [HKDFCase].self) {
            var derived = [UInt8](repeating: 0, count: vector.output.bytes.count)
            var span = derived.mutableSpan
            var output = span.mutableBytes
            try KeyDerivation.hkdf(
                input: vector.input.bytes.span.bytes,
                salt: vector.salt.bytes,
                info: vector.info.bytes,
                into: &output
            )
            #expect(derived == vector.output.bytes, "\(vector.name)")
        }
    }

    @Test("HMAC-SHA-256 gives RFC 4231's case 2")
    func hmac() throws {
        let mac = try KeyDerivation.hmac(
            key: Array("Jefe".utf8).span.bytes,
            message: Array("what do ya want for nothing?".utf8)
        )
        #expect(
            Hex.encode(mac)
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
    }

    @Test("Ed25519 signs and verifies RFC 8032's cases, and writes their public keys as PEM")
    func ed25519() throws {
        for vector in try vectors("ed25519/vectors.json", as: [SignatureCase].self) {
            let key = try SigningKey(seed: try vector.seed.key)
            #expect(key.publicKey.raw == vector.public.bytes, "\(vector.name)")
            #expect(try key.sign(vector.message.bytes) == vector.signature.bytes)
            #expect(
                key.publicKey.verify(
                    signature: vector.signature.bytes,
                    over: vector.message.bytes
                )
            )
            #expect(key.publicKey.pem == vector.pem)
            #expect(try VerifyingKey(pem: vector.pem) == key.publicKey)
        }
    }
}
