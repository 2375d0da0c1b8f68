import Foundation
import Registry
import Sealing
import Testing
import Text

@Suite("Publishing")
struct PublishTests {
    @Test("Composed and decomposed paths and keys are two each, from upload to restart")
    func spellings() throws {
        let home = try TestHome()
        var registry: Registry? = try home.open()
        let names: [ExactString] = ["gr\u{F6}\u{DF}e", "gro\u{308}\u{DF}e"]
        var bundle = TestBundle(content: [9])
        bundle.files += names.enumerated().map { ("\($1)/\($1).txt", [UInt8($0)]) }
        bundle.metadata = [names[0]: names[1], names[1]: names[0]]
        _ = try registry?.publish(bundle)
        registry = nil
        let reopened = try home.open()
        let opened = try reopened.open(model: "sentiment", version: 1)
        #expect(opened.info.metadata == bundle.metadata)
        #expect(opened.info.metadata.count == 2)
        for file in bundle.files {
            #expect(try opened.read(file.path).copyBytes() == file.content)
        }
        #expect(opened.files.map(\.path) == bundle.files.map(\.path).sorted())
        #expect(throws: RegistryError.self) { try opened.read("\(names[0])/\(names[1]).txt") }
    }

    @Test("Composed and decomposed idempotency keys name two uploads")
    func idempotencyKeys() throws {
        let home = try TestHome()
        let registry = try home.open()
        let uploads = try ["k\u{F6}", "ko\u{308}", "k\u{F6}"].map { key in
            try registry.beginPublish(
                TestBundle(content: [1], key: key).request,
                principal: "cert:ann"
            ).uploadID
        }
        #expect(uploads[0] != uploads[1])
        #expect(uploads[0] == uploads[2])
    }

    @Test("a bundle of several chunks is published and read back, whole and in parts")
    func roundTrip() throws {
        let home = try TestHome()
        let registry = try home.open()
        let content = patterned(2 * Limits.chunkBytes + 12_345)
        var bundle = TestBundle(content: content)
        bundle.files.append(("empty.txt", []))
        bundle.files.append(("exact.bin", patterned(Limits.chunkBytes, seed: 3)))
        bundle.metadata = ["commit": "abc", "π": "\n"]
        let committed = try registry.publish(bundle, alias: "live")

        let version = committed.version
        #expect(version.model == "sentiment" && version.version == 1)
        #expect(version.state == .stored && version.reason.isEmpty)
        #expect(version.createdBy == "cert:ann" && version.metadata == bundle.metadata)
        #expect(version.bytes == bundle.request.files.reduce(0) { $0 + $1.size })
        #expect(version.aliases == ["live"])
        #expect(committed.move?.generation == 1 && committed.move?.targetVersion == 1)
        #expect(committed.move?.version == 0)

        let opened = try registry.open(model: "sentiment", version: 1)
        #expect(opened.card == Card.default(entry: "model.onnx"))
        #expect(opened.files.map(\.path) == ["empty.txt", "exact.bin", "model.onnx", "model.yaml"])
        for file in bundle.files {
            #expect(try opened.read(file.path).copyBytes() == file.content)
        }
        let chunk = UInt64(Limits.chunkBytes)
        for (offset, length) in [
            (0, 10), (chunk - 5, 10), (chunk, Limits.chunkBytes), (2 * chunk + 12_340, 100),
            (UInt64(content.count), 5),
        ] as [(UInt64, Int)] {
            let end = min(content.count, Int(offset) + length)
            #expect(
                try registry.readFile(
                    model: "sentiment",
                    version: 1,
                    path: "model.onnx",
                    offset: offset,
                    length: length
                ) == Array(content[Int(offset)..<end])
            )
        }
        let (record, signature) = try registry.record(model: "sentiment", version: 1)
        #expect(registry.publicKey.verify(signature: signature, over: record))
        #expect(Digest.sha256(record) == version.recordSHA256)
    }

    @Test("versions count from 1 per model, and all lists show them")
    func lists() throws {
        let home = try TestHome()
        let registry = try home.open()
        for model in ["b", "a", "a", "c", "a"] { _ = try registry.publishSmall(model) }
        #expect(try registry.versions(model: "a", before: nil, limit: 2).map(\.version) == [3, 2])
        #expect(try registry.versions(model: "a", before: 2, limit: 2).map(\.version) == [1])
        _ = try registry.setAlias(model: "a", alias: "live", version: 2, principal: "cert:ann")
        let models = try registry.models(after: nil, limit: 10) { $0 != "b" }
        #expect(models.map(\.name) == ["a", "c"])
        #expect(models.first?.latestVersion == 3 && models.first?.aliases.count == 1)
        #expect(try registry.models(after: "a", limit: 1) { _ in true }.map(\.name) == ["b"])
        #expect(try registry.modelExists("c") && !registry.modelExists("d"))
        #expect(refusal { try registry.versions(model: "d", before: nil, limit: 1) } == .notFound)
        #expect(refusal { try registry.version(model: "a", version: 4) } == .notFound)
        #expect(refusal { try registry.version(model: "a", version: 0) } == .notFound)
        #expect(refusal { try registry.open(model: "a", version: .max) } == .notFound)
    }

    @Test("files in flight together may interleave chunk by chunk")
    func interleaved() throws {
        let home = try TestHome()
        let registry = try home.open()
        let contents = (0..<5).map { patterned(2 * Limits.chunkBytes + 7, seed: UInt64($0 + 1)) }
        let bundle = TestBundle(
            [("model.onnx", contents[0])]
                + contents.dropFirst().enumerated().map { ("extra/\($0).bin", $1) }
        )
        let id = try registry.beginPublish(bundle.request, principal: "cert:ann").uploadID
        for offset in stride(from: 0, to: contents[0].count, by: Limits.chunkBytes) {
            for index in contents.indices {
                let end = min(offset + Limits.chunkBytes, contents[index].count)
                let next = try registry.chunk(
                    id,
                    index,
                    offset,
                    Array(contents[index][offset..<end])
                )
                #expect(next == UInt64(end))
            }
        }
        _ = try registry.commit(uploadID: id, alias: nil, principal: "cert:ann")
        let opened = try registry.open(model: "sentiment", version: 1)
        for (index, file) in bundle.files.enumerated() {
            #expect(try opened.read(file.path).copyBytes() == contents[index])
        }
    }

    @Test("a bundle of one model file gets the default card, which is a file of the bundle")
    func defaultCard() throws {
        let home = try TestHome()
        let registry = try home.open()
        let bundle = TestBundle([("nested/tiny.onnx", patterned(50)), ("notes.txt", [65])])
        let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
        #expect(
            try registry.uploadStatus(uploadID: begun.uploadID, principal: "cert:ann")
                == UploadStatus(nextOffsets: [0, 0], version: nil)
        )
        try bundle.send(begun.uploadID, to: registry)
        _ = try registry.commit(uploadID: begun.uploadID, alias: nil, principal: "cert:ann")
        #expect(
            try registry.card(model: "sentiment", version: 1)
                == Card.default(entry: "nested/tiny.onnx")
        )
        let files = try registry.files(model: "sentiment", version: 1)
        #expect(files.map(\.path) == ["model.yaml", "nested/tiny.onnx", "notes.txt"])
        let card = try registry.open(model: "sentiment", version: 1).read("model.yaml").copyBytes()
        #expect(
            String(decoding: card, as: UTF8.self) == Card.defaultText(entry: "nested/tiny.onnx")
        )
    }

    @Test("no 32 bytes of any plaintext lie anywhere under the store, at any time")
    func noPlaintext() throws {
        let home = try TestHome()
        let registry = try home.open()
        let content = patterned(Limits.chunkBytes + 1_000)
        let bundle = TestBundle(content: content)
        let id = try registry.beginPublish(bundle.request, principal: "cert:ann").uploadID
        try registry.chunk(id, 0, 0, bundle.files[0].content)
        try registry.chunk(id, 1, 0, Array(content[0..<Limits.chunkBytes]))
        try expectNoPlaintext(of: bundle, in: home)
        try registry.chunk(id, 1, Limits.chunkBytes, Array(content[Limits.chunkBytes...]))
        _ = try registry.commit(uploadID: id, alias: "live", principal: "cert:ann")
        _ = try registry.open(model: "sentiment", version: 1).read("model.onnx")
        try expectNoPlaintext(of: bundle, in: home)
    }

    private func expectNoPlaintext(of bundle: TestBundle, in home: TestHome) throws {
        var windows: Set<[UInt8]> = []
        for file in bundle.files {
            for start in stride(from: 0, through: file.content.count - 32, by: 32) {
                windows.insert(Array(file.content[start..<start + 32]))
            }
        }
        // A run of 63 bytes or more holds one whole aligned window; a handful of windows at
        // all places of every file, found by their first 8 bytes.
        var prefixes: [UInt64: [UInt8]] = [:]
        for window in windows { prefixes[prefix(window, 0)] = window }
        let paths = try home.files(below: "")
        #expect(paths.contains { $0.hasSuffix("registry.sqlite") })
        for path in paths {
            let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
            guard bytes.count >= 32 else { continue }
            for start in 0...(bytes.count - 32) {
                if let window = prefixes[prefix(bytes, start)] {
                    #expect(Array(bytes[start..<start + 32]) != window, "\(path) at \(start)")
                }
            }
        }
    }

    private func prefix(_ bytes: [UInt8], _ start: Int) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt64.self) }
    }

    @Test("everything in the store is for its owner only")
    func modes() throws {
        let home = try TestHome()
        let registry = try home.open()
        _ = try registry.publishSmall()
        for path in try home.files() {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let mode = try #require(attributes[.posixPermissions] as? Int)
            #expect(mode & 0o077 == 0, "\(path) \(String(mode, radix: 8))")
        }
    }
}
