import Foundation
import Registry
import Sealing
import Testing
import Text

@Suite("Publishing where signatures are needed")
struct SignedPublishTests {
    private let home: TestHome
    private let registry: Registry

    init() throws {
        home = try TestHome()
        registry = try home.open()
        let key = try SigningVectors.key("p256")
        registry.setSignerPolicy(
            SignerPolicy { model in model.hasPrefix("sentiment") ? [key] : [] }
        )
    }

    private func publishDetail() throws -> String {
        let events = try registry.auditEvents(model: nil, after: 0, limit: 100) { _ in true }
        return try #require(events.last { $0.action == AuditAction.publish }).detail
    }

    /// Nothing of an upload is left: no row, no blob, no file.
    private func expectNothing(_ uploadID: String) throws {
        #expect(
            refusal { try registry.uploadStatus(uploadID: uploadID, principal: "cert:ann") }
                == .notFound
        )
        #expect(refusal { try registry.version(model: "sentiment", version: 1) } == .notFound)
        #expect(try home.files(below: "store/blobs").isEmpty)
        #expect(try home.files(below: "store/uploads").isEmpty)
    }

    @Test("a signed bundle becomes a version, and the log says whose key it was")
    func signed() throws {
        let bundle = try SigningVectors.bundle(signature: SigningVectors.signature("p256"))
        let committed = try registry.publish(bundle)
        #expect(committed.version.version == 1)
        let fingerprint = Hex.encode(try SigningVectors.key("p256").fingerprint)
        #expect(
            try publishDetail()
                == "6 files, \(committed.version.bytes) bytes, signed by \(fingerprint)"
        )
        // It is a file like any other.
        let opened = try registry.open(model: "sentiment", version: 1)
        #expect(
            try opened.read("model.sig").copyBytes() == (try SigningVectors.signature("p256"))
        )
    }

    @Test("an unsigned bundle is refused before its first byte")
    func unsigned() throws {
        let bundle = try SigningVectors.bundle(signature: nil)
        let text = message { try registry.beginPublish(bundle.request, principal: "cert:ann") }
        #expect(text.contains("model 'sentiment' takes signed bundles alone: expected 'model.sig'"))
        #expect(refusal { try registry.publish(bundle) } == .invalidArgument)
    }

    @Test("a signed bundle without a card of its own is refused before its first byte")
    func noCard() throws {
        var bundle = try SigningVectors.bundle(signature: SigningVectors.signature("p256"))
        bundle.files.removeAll { $0.path == "model.yaml" }
        let text = message { try registry.beginPublish(bundle.request, principal: "cert:ann") }
        #expect(text.contains("expected a 'model.yaml' of the publisher's own"))
    }

    @Test("a signature is taken to its limit, and refused past it before its first byte")
    func largeSignature() throws {
        func begin(_ size: Int) -> RegistryError.Code? {
            let digest = [UInt8](repeating: 0, count: 32)
            let files = ["model.yaml": 60, "model.onnx": 1, "model.sig": size].map {
                BundleFile(path: $0.key, size: UInt64($0.value), sha256: digest)
            }
            return refusal {
                try registry.beginPublish(
                    PublishRequest(model: "sentiment", files: files),
                    principal: "cert:ann"
                )
            }
        }
        #expect(begin(8 << 20) == nil)
        #expect(begin(8 << 20 + 1) == .invalidArgument)
    }

    @Test(
        "a wrong signature ends the upload, and nothing of it stays",
        arguments: ["wrong-key", "file-digest", "two-signatures", "signature-empty"]
    )
    func wrong(name: String) throws {
        let bundle = try SigningVectors.bundle(signature: SigningVectors.signature(name))
        let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
        try bundle.send(begun.uploadID, to: registry)
        let text = message {
            try registry.commit(uploadID: begun.uploadID, alias: nil, principal: "cert:ann")
        }
        #expect(text.hasPrefix("model.sig: "), "\(text)")
        try expectNothing(begun.uploadID)
    }

    @Test("a file that was changed after it was signed is named, and nothing of it stays")
    func tampered() throws {
        var bundle = try SigningVectors.bundle(signature: SigningVectors.signature("p256"))
        bundle.files[1].content[3] ^= 1
        let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
        try bundle.send(begun.uploadID, to: registry)
        let text = message {
            try registry.commit(uploadID: begun.uploadID, alias: "live", principal: "cert:ann")
        }
        #expect(text.contains("file 'model.onnx': its SHA-256 is not the one that was signed"))
        try expectNothing(begun.uploadID)
        // The right bundle is then version 1.
        let right = try SigningVectors.bundle(signature: SigningVectors.signature("p256"))
        #expect(try registry.publish(right).version.version == 1)
    }

    @Test("a model that no rule names needs no signature, and a wrong one is a file like any other")
    func unmatched() throws {
        let plain = try SigningVectors.bundle(signature: nil, model: "other")
        #expect(try registry.publish(plain).version.version == 1)
        let wrong = try SigningVectors.bundle(signature: Array("no signature".utf8), model: "other")
        #expect(try registry.publish(wrong).version.version == 2)
        #expect(!(try publishDetail().contains("signed by")))
    }

    @Test("a rule that comes while an upload is open counts at its commit")
    func laterRule() throws {
        registry.setSignerPolicy(.none)
        let bundle = try SigningVectors.bundle(signature: nil)
        let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
        try bundle.send(begun.uploadID, to: registry)
        let key = try SigningVectors.key("p256")
        registry.setSignerPolicy(SignerPolicy { _ in [key] })
        let text = message {
            try registry.commit(uploadID: begun.uploadID, alias: nil, principal: "cert:ann")
        }
        #expect(text.contains("takes signed bundles alone"))
        try expectNothing(begun.uploadID)
    }

    @Test("a commit that is asked for again answers, whatever the rules are by then")
    func committedBefore() throws {
        registry.setSignerPolicy(.none)
        var bundle = try SigningVectors.bundle(signature: nil)
        bundle.key = "once"
        let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
        try bundle.send(begun.uploadID, to: registry)
        _ = try registry.commit(uploadID: begun.uploadID, alias: nil, principal: "cert:ann")
        let key = try SigningVectors.key("p256")
        registry.setSignerPolicy(SignerPolicy { _ in [key] })
        #expect(try registry.beginPublish(bundle.request, principal: "cert:ann").version == 1)
        let again = try registry.commit(
            uploadID: begun.uploadID,
            alias: nil,
            principal: "cert:ann"
        )
        #expect(again.version.version == 1)
    }
}
