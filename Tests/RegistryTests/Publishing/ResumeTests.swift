import Foundation
import Registry
import Sealing
import Testing
import Text

@Suite("Uploads that go on")
struct ResumeTests {
    private let ann = "cert:ann"

    @Test("the same key again is the same upload, and later the version that it became")
    func idempotentBegin() throws {
        let home = try TestHome()
        let bundle = TestBundle(content: patterned(500), key: "key-1")
        var registry: Registry? = try home.open()
        let first = try #require(try registry?.beginPublish(bundle.request, principal: ann))
        #expect(first.version == nil)
        #expect(try registry?.beginPublish(bundle.request, principal: ann) == first)
        registry = nil
        let reopened = try home.open()
        #expect(try reopened.beginPublish(bundle.request, principal: ann) == first)
        // Another principal and another model have keys of their own.
        #expect(try reopened.beginPublish(bundle.request, principal: "cert:bob") != first)
        var other = bundle
        other.model = "other"
        #expect(try reopened.beginPublish(other.request, principal: ann) != first)
        try bundle.send(first.uploadID, to: reopened)
        _ = try reopened.commit(uploadID: first.uploadID, alias: nil, principal: ann)
        let after = try reopened.beginPublish(bundle.request, principal: ann)
        #expect(after.version == 1 && after.uploadID == first.uploadID)
    }

    @Test("the same key with other contents is refused, before and after the commit")
    func otherContents() throws {
        let home = try TestHome()
        let registry = try home.open()
        let bundle = TestBundle(content: [1], key: "k")
        var other = bundle
        other.files[1].content = [2]
        var labelled = bundle
        labelled.metadata = ["a": "b"]
        let id = try registry.beginPublish(bundle.request, principal: ann).uploadID
        for changed in [other, labelled] {
            #expect(
                refusal { try registry.beginPublish(changed.request, principal: ann) }
                    == .failedPrecondition
            )
        }
        try bundle.send(id, to: registry)
        _ = try registry.commit(uploadID: id, alias: nil, principal: ann)
        #expect(
            refusal { try registry.beginPublish(other.request, principal: ann) }
                == .failedPrecondition
        )
        try registry.deleteVersion(model: "sentiment", version: 1, principal: ann)
        #expect(try registry.beginPublish(other.request, principal: ann).version == nil)
    }

    @Test("a commit that is asked for again answers what the first one did, after a restart too")
    func idempotentCommit() throws {
        let home = try TestHome()
        let bundle = TestBundle(content: patterned(500))
        var registry: Registry? = try home.open()
        let id = try #require(try registry?.beginPublish(bundle.request, principal: ann).uploadID)
        try bundle.send(id, to: #require(registry))
        let first = try #require(
            try registry?.commit(uploadID: id, alias: "live", principal: ann)
        )
        #expect(try registry?.commit(uploadID: id, alias: "live", principal: ann) == first)
        registry = nil
        let reopened = try home.open()
        #expect(try reopened.commit(uploadID: id, alias: "live", principal: ann) == first)
        #expect(
            refusal { try reopened.commit(uploadID: id, alias: "other", principal: ann) }
                == .failedPrecondition
        )
        #expect(
            try reopened.uploadStatus(uploadID: id, principal: ann)
                == UploadStatus(nextOffsets: bundle.request.files.map(\.size), version: 1)
        )
        #expect(refusal { try reopened.chunk(id, 0, 0, [1]) } == .failedPrecondition)
        #expect(refusal { try reopened.abort(uploadID: id, principal: ann) } == .failedPrecondition)
        #expect(try reopened.versions(model: "sentiment", before: nil, limit: 10).count == 1)
        // Superseded since: the move's own generation is still what is answered.
        let second = try reopened.publishSmall(alias: "live")
        let again = try reopened.commit(uploadID: id, alias: "live", principal: ann)
        #expect(again.move?.generation == 1 && again.move?.targetVersion == 1)
        #expect(try reopened.alias(model: "sentiment", alias: "live").targetVersion == second)
    }

    @Test("after a restart finished files remain, and an unfinished one starts again at 0")
    func restart() throws {
        let home = try TestHome()
        let content = patterned(3 * Limits.chunkBytes)
        var bundle = TestBundle(content: content)
        bundle.files.append(("other.bin", patterned(Limits.chunkBytes + 1, seed: 5)))
        var registry: Registry? = try home.open()
        let id = try #require(try registry?.beginPublish(bundle.request, principal: ann).uploadID)
        try registry?.chunk(id, 0, 0, bundle.files[0].content)
        try registry?.chunk(id, 1, 0, Array(content[0..<Limits.chunkBytes]))
        let other = bundle.files[2].content
        try registry?.chunk(id, 2, 0, Array(other[0..<Limits.chunkBytes]))
        try registry?.chunk(id, 2, Limits.chunkBytes, Array(other[Limits.chunkBytes...]))
        let serverID = registry?.serverID
        registry = nil
        let reopened = try home.open()
        #expect(reopened.serverID == serverID)
        #expect(try reopened.uploadModel(uploadID: id, principal: ann) == "sentiment")
        #expect(
            try reopened.uploadStatus(uploadID: id, principal: ann).nextOffsets
                == [UInt64(bundle.files[0].content.count), 0, UInt64(other.count)]
        )
        #expect(try home.files(below: "store/uploads").isEmpty)
        try bundle.send(id, to: reopened)
        _ = try reopened.commit(uploadID: id, alias: nil, principal: ann)
        let opened = try reopened.open(model: "sentiment", version: 1)
        for file in bundle.files {
            #expect(try opened.read(file.path).copyBytes() == file.content)
        }
    }

    @Test("an upload that another server began is refused here")
    func otherServer() throws {
        let home = try TestHome()
        let bundle = TestBundle(content: [1], key: "k")
        var registry: Registry? = try home.open()
        let id = try #require(try registry?.beginPublish(bundle.request, principal: ann).uploadID)
        registry = nil
        try String(repeating: "ab", count: 16).write(
            toFile: home.path + "/store/server-id",
            atomically: true,
            encoding: .utf8
        )
        let other = try home.open()
        #expect(refusal { try other.chunk(id, 0, 0, [1]) } == .failedPrecondition)
        #expect(
            refusal { try other.uploadStatus(uploadID: id, principal: ann) } == .failedPrecondition
        )
        #expect(
            refusal { try other.commit(uploadID: id, alias: nil, principal: ann) }
                == .failedPrecondition
        )
        #expect(
            refusal { try other.beginPublish(bundle.request, principal: ann) }
                == .failedPrecondition
        )
    }

    @Test("an aborted upload is gone, with its bytes and its key")
    func abort() throws {
        let home = try TestHome()
        let registry = try home.open()
        let bundle = TestBundle(content: patterned(Limits.chunkBytes + 5), key: "k")
        let id = try registry.beginPublish(bundle.request, principal: ann).uploadID
        try registry.chunk(id, 0, 0, bundle.files[0].content)
        try registry.chunk(id, 1, 0, Array(bundle.files[1].content[0..<Limits.chunkBytes]))
        #expect(try home.files(below: "store/blobs").count == 1)
        #expect(try home.files(below: "store/uploads").count == 1)
        try registry.abort(uploadID: id, principal: ann)
        #expect(try home.files(below: "store/blobs").isEmpty)
        #expect(try home.files(below: "store/uploads").isEmpty)
        #expect(refusal { try registry.chunk(id, 0, 0, [1]) } == .notFound)
        #expect(refusal { try registry.abort(uploadID: id, principal: ann) } == .notFound)
        #expect(try registry.beginPublish(bundle.request, principal: ann).uploadID != id)
    }

    @Test("only uploads that nobody used for long are dropped")
    func idle() throws {
        let home = try TestHome()
        let registry = try home.open()
        let bundle = TestBundle(content: patterned(10))
        let old = try registry.beginPublish(bundle.request, principal: ann).uploadID
        let used = try registry.beginPublish(bundle.request, principal: ann).uploadID
        home.clock.advance(seconds: Limits.uploadIdleSeconds - 10)
        try registry.chunk(used, 1, 0, bundle.files[1].content)
        #expect(try registry.dropIdleUploads() == 0)
        home.clock.advance(seconds: 11)
        #expect(try registry.dropIdleUploads() == 1)
        #expect(refusal { try registry.uploadStatus(uploadID: old, principal: ann) } == .notFound)
        try bundle.send(used, to: registry)
        _ = try registry.commit(uploadID: used, alias: nil, principal: ann)
    }

    @Test("an upload whose key is damaged does not hold its place for ever")
    func damagedKey() throws {
        let home = try TestHome()
        let bundle = TestBundle(content: patterned(10))
        var ids: [String] = []
        do {
            let registry = try home.open()
            for _ in 0..<2 {
                let id = try registry.beginPublish(bundle.request, principal: ann).uploadID
                try registry.chunk(id, 1, 0, bundle.files[1].content)
                ids.append(id)
            }
        }
        try home.sql(
            "UPDATE wrapped_keys SET tag = '00000000000000000000000000000000' WHERE bundle_id IN "
                + "(SELECT bundle_id FROM uploads)"
        )
        let registry = try home.open()
        #expect(refusal { try registry.chunk(ids[0], 0, 0, [1]) } == .dataLoss)
        try registry.abort(uploadID: ids[0], principal: ann)
        home.clock.advance(seconds: Limits.uploadIdleSeconds + 1)
        #expect(try registry.dropIdleUploads() == 1)
        for id in ids {
            #expect(
                refusal { try registry.uploadStatus(uploadID: id, principal: ann) } == .notFound
            )
        }
        // No row vouches for the blobs: the collection removes them.
        #expect(try home.files(below: "store/blobs").count == 2)
        #expect(try registry.collect(apply: true, principal: ann).blobs == 2)
        #expect(try home.files(below: "store/blobs").isEmpty)
    }
}
