import Foundation
import Sealing
import Testing
import Text

@testable import Registry

/// Commits of uploads whose rows somebody without a key has altered.
@Suite("Altered uploads")
struct AlteredUploadTests {
    private static let ann = "cert:ann"

    /// A home with two open uploads whose files are all there.
    private struct World {
        let home: TestHome
        let bundle: TestBundle
        let upload: String
        let other: String

        init() throws {
            home = try TestHome()
            var bundle = TestBundle(content: patterned(100), key: "key")
            bundle.metadata = ["approved-by": "nobody"]
            bundle.files.append(("terms.txt", Array("not for production".utf8)))
            self.bundle = bundle
            var second = bundle
            second.key = "other"
            second.metadata = ["approved-by": "the auditor"]
            let registry = try home.open()
            let ids = try [bundle, second].map { bundle in
                let begun = try registry.beginPublish(bundle.request, principal: ann)
                try bundle.send(begun.uploadID, to: registry)
                return begun.uploadID
            }
            (upload, other) = (ids[0], ids[1])
        }

        func alter(_ statement: String) throws {
            try home.sql(
                statement.replacing("UPLOAD", with: "'\(upload)'")
                    .replacing("OTHER", with: "'\(other)'"),
                checksReferences: false
            )
        }

        /// The error of a commit names the upload, and nothing is signed.
        func expectRefused(by registry: Registry, principal: String = ann) throws {
            let commit = { try registry.commit(uploadID: upload, alias: nil, principal: principal) }
            #expect(refusal(commit) == .dataLoss)
            #expect(message(commit).contains(upload))
            #expect(try home.count("SELECT COUNT(*) FROM versions") == 0)
        }
    }

    /// A statement for each column that decides what is committed.
    static let columns = [
        "UPDATE uploads SET server_id = '\(String(repeating: "0", count: 32))' WHERE id = UPLOAD",
        "UPDATE uploads SET principal = 'cert:eve' WHERE id = UPLOAD",
        "UPDATE uploads SET model = 'other' WHERE id = UPLOAD",
        "UPDATE uploads SET idempotency_key = '' WHERE id = UPLOAD",
        "UPDATE uploads SET idempotency_key = 'stolen' WHERE id = UPLOAD",
        "UPDATE uploads SET mac = '' WHERE id = UPLOAD",
        "UPDATE uploads SET mac = (SELECT mac FROM uploads WHERE id = OTHER) WHERE id = UPLOAD",
        "UPDATE uploads SET bundle_id = '\(String(repeating: "a", count: 32))' WHERE id = UPLOAD",
        "UPDATE uploads SET version = 1 WHERE id = UPLOAD",
        "UPDATE uploads SET metadata = '{\"approved-by\":\"the auditor\"}' WHERE id = UPLOAD",
        "UPDATE uploads SET metadata = '{}' WHERE id = UPLOAD",
        "UPDATE uploads SET files = replace(files, 'terms.txt', 'terms.txd') WHERE id = UPLOAD",
        """
        UPDATE uploads SET files = substr(files, 1, instr(files, ',{"path":"terms') - 1) || ']'
        WHERE id = UPLOAD; DELETE FROM upload_files WHERE upload_id = UPLOAD AND file_index = 2
        """,
        """
        UPDATE uploads SET id = 'kept' WHERE id = OTHER;
        UPDATE uploads SET id = OTHER WHERE id = UPLOAD;
        UPDATE uploads SET id = UPLOAD WHERE id = 'kept';
        """,
        """
        UPDATE uploads SET (metadata, mac) = (SELECT metadata, mac FROM uploads WHERE id = OTHER)
        WHERE id = UPLOAD
        """,
        """
        UPDATE wrapped_keys SET (salt, nonce, ciphertext, tag) = (SELECT salt, nonce, ciphertext,
        tag FROM wrapped_keys WHERE bundle_id = OTHER) WHERE bundle_id = UPLOAD
        """,
    ]

    @Test("a row that was altered is refused after a restart", arguments: columns)
    func afterRestart(statement: String) throws {
        let world = try World()
        try world.alter(statement)
        let registry = try world.home.open()
        try world.expectRefused(by: registry)
        let chunk = { try registry.chunk(world.upload, 0, 0, [1]) }
        #expect(refusal(chunk) == .dataLoss)
        let status = {
            try registry.uploadStatus(uploadID: world.upload, principal: Self.ann)
        }
        #expect(refusal(status) == .dataLoss)
    }

    @Test("a row that is altered while the registry is open is refused", arguments: columns)
    func whileOpen(statement: String) throws {
        let world = try World()
        let registry = try world.home.open()
        _ = try registry.uploadStatus(uploadID: world.upload, principal: Self.ann)
        try world.alter(statement)
        try world.expectRefused(by: registry)
    }

    @Test("another principal cannot commit an upload that was made its own")
    func stolen() throws {
        let world = try World()
        try world.alter("UPDATE uploads SET principal = 'cert:eve' WHERE id = UPLOAD")
        try world.expectRefused(by: try world.home.open(), principal: "cert:eve")
    }

    @Test("verify with keys names the row", arguments: columns)
    func verified(statement: String) throws {
        let world = try World()
        try world.alter(statement)
        let faults = try world.home.verify().faults
        #expect(faults.contains { $0.contains("upload \(world.upload)") }, "\(faults)")
    }

    @Test(
        "the row of a finished file that was altered is refused, and named by verify",
        arguments: [
            "file_index = 7", "sha256 = \(firstDigitFlipped("sha256"))",
            "sealed_bytes = sealed_bytes + 1", "mac = ''",
            "sealed_sha256 = \(firstDigitFlipped("sealed_sha256"))",
            "commitment = \(firstDigitFlipped("commitment"))",
            """
            (sha256, sealed_bytes, sealed_sha256, commitment, mac) = (SELECT sha256, sealed_bytes,
            sealed_sha256, commitment, mac FROM upload_files
            WHERE upload_id = OTHER AND file_index = 1)
            """,
        ]
    )
    func file(change: String) throws {
        let world = try World()
        try world.alter(
            "UPDATE upload_files SET \(change) WHERE upload_id = UPLOAD AND file_index = 1"
        )
        let faults = try world.home.verify().faults
        #expect(faults.contains { $0.contains("upload \(world.upload)") }, "\(faults)")
        try world.expectRefused(by: try world.home.open())
    }

    @Test("an altered upload can be aborted, and takes no blob of another with it")
    func aborted() throws {
        let world = try World()
        let version = try world.home.open().publishSmall("third")
        let blob = try #require(
            try world.home.digests(below: "store/blobs").values.first
        )
        try world.alter(
            """
            UPDATE upload_files SET sealed_sha256 = '\(Hex.encode(blob))' WHERE upload_id = UPLOAD
            """
        )
        let before = try world.home.digests(below: "store/blobs")
        let registry = try world.home.open()
        try registry.abort(uploadID: world.upload, principal: Self.ann)
        #expect(try world.home.digests(below: "store/blobs") == before)
        #expect(try world.home.count("SELECT COUNT(*) FROM uploads WHERE version IS NULL") == 1)
        #expect(try registry.open(model: "third", version: version).files.count == 2)
        // The idempotency key is free again.
        let begun = try registry.beginPublish(world.bundle.request, principal: Self.ann)
        #expect(begun.version == nil && begun.uploadID != world.upload)
    }

    @Test("time of use and an unknown id decide nothing that is signed")
    func free() throws {
        let world = try World()
        try world.alter("UPDATE uploads SET used_unix_ms = 1")
        let registry = try world.home.open()
        let made = try registry.commit(uploadID: world.upload, alias: nil, principal: Self.ann)
        #expect(made.version.metadata == world.bundle.metadata)
    }

    @Test(
        "the row of a committed upload that was altered answers no begin and no commit",
        arguments: [
            "version = 2", "idempotency_key = 'other'", "principal = 'cert:eve'",
            "metadata = '{}'", "version = NULL",
            "files = substr(files, 1, instr(files, ',{\"path\":\"terms') - 1) || ']'",
        ]
    )
    func committed(change: String) throws {
        let world = try World()
        do {
            let registry = try world.home.open()
            _ = try registry.commit(uploadID: world.upload, alias: nil, principal: Self.ann)
            try registry.abort(uploadID: world.other, principal: Self.ann)
            _ = try registry.publish(TestBundle(content: patterned(50)))
        }
        try world.alter("UPDATE uploads SET \(change) WHERE id = UPLOAD")
        let registry = try world.home.open()
        let commit = {
            try registry.commit(uploadID: world.upload, alias: nil, principal: Self.ann)
        }
        #expect(refusal(commit) == .dataLoss)
        let faults = try world.home.verify().faults
        #expect(faults.contains { $0.contains("upload") }, "\(faults)")
        // A key that finds the row answers the same; one that does not begins an upload.
        let begin = { try registry.beginPublish(world.bundle.request, principal: Self.ann) }
        let isFound = !change.contains("idempotency_key") && !change.contains("principal")
        #expect(refusal(begin) == (isFound ? .dataLoss : nil))
    }
}
