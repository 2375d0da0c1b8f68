import Foundation
import JSON
import Sealing
import Testing
import Text

@testable import Registry

@Suite("Publishers' signatures")
struct BundleSignatureTests {
    private func files(_ bundle: TestBundle) -> [VersionRecord.File] {
        bundle.files.map { file in
            VersionRecord.File(
                path: file.path,
                size: UInt64(file.content.count),
                sha256: Digest.sha256(file.content),
                sealedBytes: 0,
                sealedSHA256: [],
                commitment: []
            )
        }
    }

    /// Why a signature of the vectors' bundle is refused; empty if it holds.
    private func refusal(
        _ signature: [UInt8],
        keys: [PublisherKey],
        _ change: (inout TestBundle) -> Void = { _ in }
    ) throws -> String {
        var bundle = try SigningVectors.bundle(signature: signature)
        change(&bundle)
        let files = files(bundle)
        do throws(RegistryError) {
            let key = try BundleSignature.verify(signature, of: files, keys: keys)
            #expect(keys.contains(key))
            return ""
        } catch {
            #expect(error == RegistryError(.invalidArgument, ""))
            #expect(error.message.hasPrefix("model.sig: "), "\(error.message)")
            #expect(error.message.utf8.count < 1_024)
            return error.message
        }
    }

    @Test(
        "each signature of the vectors is judged as it should be",
        arguments: try SigningVectors.cases()
    )
    func vectors(vector: SigningVectors.Case) throws {
        let message = try refusal(
            try SigningVectors.signature(vector.name),
            keys: [try SigningVectors.key(vector.key)]
        )
        if let expect = vector.expect {
            #expect(message.contains(expect), "\(message)")
        } else {
            #expect(message == "")
        }
    }

    @Test("any of several keys is good, and the one that signed is named")
    func severalKeys() throws {
        let keys = try ["other", "p384", "p256"].map { try SigningVectors.key($0) }
        for name in ["p256", "p384"] {
            let signature = try SigningVectors.signature(name)
            let bundle = try SigningVectors.bundle(signature: signature)
            let key = try BundleSignature.verify(signature, of: files(bundle), keys: keys)
            #expect(key == (try SigningVectors.key(name)))
        }
    }

    @Test("a file that was added, removed, renamed or changed is named")
    func otherFiles() throws {
        let signature = try SigningVectors.signature("p256")
        let keys = [try SigningVectors.key("p256")]
        #expect(
            try refusal(signature, keys: keys) { $0.files.append(("extra", [])) }
                == "model.sig: file 'extra' is not signed"
        )
        #expect(
            try refusal(signature, keys: keys) { $0.files.append((".gitignore", [])) }
                == "model.sig: file '.gitignore' is not signed"
        )
        #expect(
            try refusal(signature, keys: keys) { $0.files.removeAll { $0.path == "empty" } }
                == "model.sig: file 'empty' is signed and not in the bundle"
        )
        #expect(
            try refusal(signature, keys: keys) { $0.files[1].content[0] ^= 1 }
                == "model.sig: file 'model.onnx': its SHA-256 is not the one that was signed"
        )
        // The same name to the eye, and to Swift, in other bytes.
        #expect(
            try refusal(signature, keys: keys) { $0.files[3].path = "golden-notes u\u{308}.txt" }
                .hasSuffix("is not signed")
        )
    }

    @Test("no bit of a signature can be changed")
    func flippedBits() throws {
        let key = try SigningVectors.key("p256")
        let signature = try SigningVectors.signature("p256")
        let files = files(try SigningVectors.bundle(signature: signature))
        // The payload is the bulk of it: every seventh of its bits, all others.
        let text = String(decoding: signature, as: UTF8.self)
        let payload = try #require(text.firstRange(of: "\"payload\":\""))
        let start = text.utf8.distance(from: text.startIndex, to: payload.upperBound) * 8
        let end = try #require(signature[(start / 8)...].firstIndex(of: UInt8(ascii: "\""))) * 8
        let bits = [
            Array(0..<start), Array(stride(from: start, to: end, by: 7)),
            Array(end..<signature.count * 8),
        ]
        for bit in bits.joined() {
            var changed = signature
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: RegistryError.self, "bit \(bit)") {
                try BundleSignature.verify(changed, of: files, keys: [key])
            }
        }
    }

    @Test("a signature that is cut short is refused at every length")
    func truncated() throws {
        let keys = [try SigningVectors.key("p256")]
        let signature = try SigningVectors.signature("p256")
        for count in stride(from: 0, to: signature.count, by: 7) {
            #expect(try refusal(Array(signature[..<count]), keys: keys) != "")
        }
    }

    @Test("values of a signature are counted to the limit, and refused past it")
    func manyValues() throws {
        let keys = [try SigningVectors.key("p256")]
        let text = String(decoding: try SigningVectors.signature("p256"), as: UTF8.self)
        func grown(_ values: Int) -> [UInt8] {
            let more = Array(repeating: "1", count: values).joined(separator: ",")
            return Array((text.dropLast() + ",\"more\":[\(more)]}").utf8)
        }
        // 13 values are there; the list is one.
        let room = SignatureEnvelope.maxValues - 13 - 1
        #expect(try refusal(grown(room), keys: keys).contains("unknown member 'more'"))
        #expect(try refusal(grown(room + 1), keys: keys).contains("more than 64 values"))
    }

    @Test("as many files as a bundle may have can be signed, and no more")
    func manyFiles() throws {
        func statement(_ count: Int) -> [UInt8] {
            let digest = [UInt8](repeating: 7, count: 32)
            let hasher = SHA256Hasher()
            let resources = (0..<count).map { index in
                hasher.update(digest)
                return
                    #"{"name":"\#(index)","algorithm":"sha256","digest":"\#(Hex.encode(digest))"}"#
            }.joined(separator: ",")
            let subject = #"{"name":"","digest":{"sha256":"\#(Hex.encode(hasher.finalize()))"}}"#
            let serialization = #"{"method":"files","hash_type":"sha256","allow_symlinks":false}"#
            return Array(
                (#"{"_type":"https://in-toto.io/Statement/v1","subject":[\#(subject)],"#
                    + #""predicateType":"https://model_signing/signature/v1.0","#
                    + #""predicate":{"serialization":\#(serialization),"resources":[\#(resources)]}}"#)
                    .utf8
            )
        }
        let most = Limits.maxBundleFiles
        #expect(try SignedStatement(verified: statement(most)).digests.count == most)
        let error = #expect(throws: RegistryError.self) {
            try SignedStatement(verified: statement(most + 1))
        }
        #expect(error?.message.contains("has 10001 entries, at most 10000") == true)
    }

    @Test("members that only look like the expected ones are other members")
    func lookalikes() throws {
        // U+212A is canonically equal to K for Swift's strings.
        var fields = try SignatureFields(
            .object([.init(name: "\u{212A}", value: .string("\u{212A}"))]),
            place: ""
        )
        #expect(fields.take("K") == nil)
        #expect(ExactString("\u{212A}") != "K")
        #expect(throws: RegistryError.self) { try fields.finish() }
    }
}
