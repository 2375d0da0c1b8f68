import Testing

@testable import Sealing

@Suite("Wrapped keys")
struct KeyWrapTests {
    struct Vector: Decodable {
        let name, kek_id, model: String
        let kek, registry, bundle, secret, salt, nonce, ciphertext, tag: HexBytes
    }

    private let kek: KeyEncryptionKey
    private let secret: SecretKey
    private let context: WrapContext

    init() throws {
        kek = KeyEncryptionKey(try SecretKey.random())
        secret = try SecretKey.random()
        context = WrapContext(
            registryID: try RandomBytes.make(count: 16),
            model: "sentiment",
            bundleID: try RandomBytes.make(count: 16)
        )
    }

    @Test("keys that another program wrapped unwrap, and their ids are the same")
    func foreign() throws {
        for vector in try vectors("sealing/wraps.json", as: [Vector].self) {
            let kek = KeyEncryptionKey(try vector.kek.key)
            #expect(kek.id == vector.kek_id, "\(vector.name)")
            let wrapped = WrappedKey(
                kekID: vector.kek_id,
                algorithm: WrappedKey.localAlgorithm,
                salt: vector.salt.bytes,
                nonce: vector.nonce.bytes,
                ciphertext: vector.ciphertext.bytes,
                tag: vector.tag.bytes
            )
            let context = WrapContext(
                registryID: vector.registry.bytes,
                model: vector.model,
                bundleID: vector.bundle.bytes
            )
            #expect(bytes(of: try kek.unwrap(wrapped, context: context)) == vector.secret.bytes)
        }
    }

    @Test("a wrapped key unwraps to the same key, and no two wraps are the same")
    func roundTrip() throws {
        let first = try kek.wrap(secret, context: context)
        let second = try kek.wrap(secret, context: context)
        #expect(try kek.unwrap(first, context: context) == secret)
        #expect(try kek.unwrap(second, context: context) == secret)
        #expect(first.salt != second.salt && first.nonce != second.nonce)
        #expect(first.ciphertext != second.ciphertext)
        #expect(first.kekID == kek.id)
    }

    @Test("wrapped keys swapped between two versions are refused")
    func swapped() throws {
        let other = WrapContext(
            registryID: context.registryID,
            model: context.model,
            bundleID: try RandomBytes.make(count: 16)
        )
        let mine = try kek.wrap(secret, context: context)
        let theirs = try kek.wrap(try SecretKey.random(), context: other)
        #expect(code { _ = try kek.unwrap(mine, context: other) } == .authentication)
        #expect(code { _ = try kek.unwrap(theirs, context: context) } == .authentication)
    }

    @Test("another registry, model or kind of key is refused, also with the fields cut anew")
    func otherContexts() throws {
        let wrapped = try kek.wrap(secret, context: context)
        let wrong = [
            WrapContext(
                registryID: try RandomBytes.make(count: 16),
                model: context.model,
                bundleID: context.bundleID
            ),
            WrapContext(
                registryID: context.registryID,
                model: "sentiment2",
                bundleID: context.bundleID
            ),
            WrapContext(
                registryID: context.registryID + Array(context.model.utf8),
                model: "",
                bundleID: context.bundleID
            ),
            WrapContext.signingKey(registryID: context.registryID),
        ]
        for context in wrong {
            #expect(code { _ = try kek.unwrap(wrapped, context: context) } == .authentication)
        }
    }

    @Test("every flip of one bit of a wrapped key is refused")
    func bitFlips() throws {
        let wrapped = try kek.wrap(secret, context: context)
        let whole = wrapped.salt + wrapped.nonce + wrapped.ciphertext + wrapped.tag
        for bit in 0..<(whole.count * 8) {
            let altered = whole.flippingBit(bit)
            let row = WrappedKey(
                kekID: wrapped.kekID,
                algorithm: wrapped.algorithm,
                salt: Array(altered[0..<32]),
                nonce: Array(altered[32..<44]),
                ciphertext: Array(altered[44..<76]),
                tag: Array(altered[76...])
            )
            #expect(code { _ = try kek.unwrap(row, context: context) } == .authentication)
        }
    }

    @Test("parts of a wrong size and unknown algorithms are refused before anything is computed")
    func malformed() throws {
        let good = try kek.wrap(secret, context: context)
        func row(
            algorithm: String? = nil,
            salt: [UInt8]? = nil,
            nonce: [UInt8]? = nil,
            ciphertext: [UInt8]? = nil,
            tag: [UInt8]? = nil
        ) -> WrappedKey {
            WrappedKey(
                kekID: good.kekID,
                algorithm: algorithm ?? good.algorithm,
                salt: salt ?? good.salt,
                nonce: nonce ?? good.nonce,
                ciphertext: ciphertext ?? good.ciphertext,
                tag: tag ?? good.tag
            )
        }
        let wrong = [
            row(algorithm: "AES-256-GCM"), row(algorithm: ""), row(salt: []),
            row(salt: good.salt + [0]), row(nonce: pattern(11)), row(nonce: pattern(16)),
            row(ciphertext: []), row(ciphertext: pattern(33)), row(tag: pattern(15)),
            row(ciphertext: pattern(16), tag: pattern(32)),
        ]
        for wrapped in wrong {
            #expect(code { _ = try kek.unwrap(wrapped, context: context) } == .format)
        }
    }

    @Test("another key-encryption key is refused, also under the first one's name")
    func otherKey() throws {
        let other = KeyEncryptionKey(try SecretKey.random())
        let wrapped = try kek.wrap(secret, context: context)
        #expect(code { _ = try other.unwrap(wrapped, context: context) } == .authentication)
        #expect(other.id != kek.id)
    }

    @Test("the text of a wrapped key reads back")
    func text() throws {
        let wrapped = try kek.wrap(secret, context: context)
        #expect(try WrappedKey(text: wrapped.text) == wrapped)
        let foreign = WrappedKey(
            kekID: "vault-1",
            algorithm: "exec",
            salt: [],
            nonce: [],
            ciphertext: pattern(200),
            tag: []
        )
        #expect(try WrappedKey(text: foreign.text) == foreign)
    }

    @Test("any line of the text that is gone, doubled or misspelt is refused")
    func malformedText() throws {
        let lines = try kek.wrap(secret, context: context).text.split(
            separator: "\n",
            omittingEmptySubsequences: false
        ).map(String.init)
        var texts = ["", "\n", lines.dropLast().joined(separator: "\n")]
        for index in lines.indices {
            var gone = lines
            gone.remove(at: index)
            texts.append(gone.joined(separator: "\n"))
            var doubled = lines
            doubled.insert(lines[index], at: index)
            texts.append(doubled.joined(separator: "\n"))
            var misspelt = lines
            misspelt[index] = "x" + lines[index]
            texts.append(misspelt.joined(separator: "\n"))
            guard (3...6).contains(index) else { continue }
            var upper = lines
            upper[index] += "A0"
            texts.append(upper.joined(separator: "\n"))
        }
        for text in texts {
            #expect(code { _ = try WrappedKey(text: text) } == .format, "\(text)")
        }
    }
}
