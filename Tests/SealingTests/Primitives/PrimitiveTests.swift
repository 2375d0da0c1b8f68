import Testing

@testable import Sealing

@Suite("Primitives")
struct PrimitiveTests {
    @Test(
        "SHA-256 gives FIPS 180-4's digests",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ]
    )
    func sha256(text: String, digest: String) {
        #expect(Hex.encode(Digest.sha256(Array(text.utf8))) == digest)
    }

    @Test("a digest does not depend on how the bytes were cut")
    func hasherParts() {
        let bytes = pattern(1000)
        let hasher = SHA256Hasher()
        hasher.update(Array(bytes[0..<1]))
        hasher.update([])
        hasher.update(Array(bytes[1..<640]))
        hasher.update(Array(bytes[640...]))
        #expect(hasher.finalize() == Digest.sha256(bytes))
    }

    @Test("hexadecimal is lower case, and reads back")
    func hexRoundTrip() {
        let bytes = (0...255).map { UInt8($0) }
        let text = Hex.encode(bytes)
        #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
        #expect(Hex.decode(text) == bytes)
        #expect(Hex.decode("") == [])
    }

    @Test(
        "hexadecimal in another spelling is refused",
        arguments: ["0", "abc", "AB", "0g", "0x", " 0", "٠٠", "a\u{0}"]
    )
    func hexRefused(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test("random bytes have the length asked for, and differ")
    func random() throws {
        #expect(try RandomBytes.make(count: 0).isEmpty)
        let first = try RandomBytes.make(count: 32)
        #expect(first.count == 32)
        #expect(try RandomBytes.make(count: 32) != first)
    }

    @Test("constant-time comparison sees length, first and last byte")
    func constantTime() {
        let bytes = pattern(33)
        #expect(ConstantTime.equal(bytes, bytes))
        #expect(ConstantTime.equal([], []))
        #expect(!ConstantTime.equal(bytes, Array(bytes.dropLast())))
        #expect(!ConstantTime.equal(bytes, bytes.flippingBit(0)))
        #expect(!ConstantTime.equal(bytes, bytes.flippingBit(33 * 8 - 1)))
    }

    @Test("fields of different cuts give different bytes")
    func fields() {
        func bytes(_ fields: String...) -> [UInt8] {
            var row = FieldBytes()
            for field in fields { row.append(field) }
            return row.bytes
        }
        #expect(bytes("ab", "c") != bytes("a", "bc"))
        #expect(bytes("ab", "") != bytes("", "ab"))
        #expect(bytes("a") == [0, 0, 0, 1, 0x61])
    }

    @Test("errors are equal by their code")
    func errors() {
        #expect(SealingError(.format, "one") == SealingError(.format, "two"))
        #expect(SealingError(.format, "one") != SealingError(.limit, "one"))
    }

    @Test("a failed tag leaves nothing of the plaintext")
    func failedTagCleanses() throws {
        let key = try SecretKey.random()
        let nonce = try RandomBytes.make(count: AESGCM.nonceBytes)
        let sealed = try AESGCM.seal(
            pattern(100).span.bytes,
            key: key,
            nonce: nonce,
            additional: [1]
        )
        let altered = sealed.flippingBit(sealed.count * 8 - 1)
        var opened = [UInt8](repeating: 0xAA, count: 100)
        let failure = code {
            var span = opened.mutableSpan
            var output = span.mutableBytes
            try AESGCM.open(
                altered.span.bytes,
                key: key,
                nonce: nonce,
                additional: [1],
                into: &output
            )
        }
        #expect(failure == .authentication)
        #expect(opened == [UInt8](repeating: 0, count: 100))
    }
}
