import Foundation
import GRDB
import Registry
import Sealing
import Testing
import Text

@Suite("Verification of uploads")
struct UploadVerifyTests {
    /// A model of two versions, the second published with an alias, and an open upload of which a
    /// card is there; the ids of the uploads.
    private struct World {
        let home: TestHome
        let first: String
        let second: String
        let open: String

        init() throws {
            home = try TestHome()
            let registry = try home.open()
            let ids = try [nil, "live"].map { alias in
                let bundle = TestBundle(content: patterned(100, seed: alias == nil ? 1 : 2))
                let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
                try bundle.send(begun.uploadID, to: registry)
                _ = try registry.commit(
                    uploadID: begun.uploadID,
                    alias: alias,
                    principal: "cert:ann"
                )
                return begun.uploadID
            }
            (first, second) = (ids[0], ids[1])
            _ = try registry.settle(
                model: "sentiment",
                alias: "live",
                generation: 1,
                outcome: .served
            )
            open = try registry.beginPublish(
                TestBundle(model: "third", content: patterned(50)).request,
                principal: "cert:ann"
            ).uploadID
            try registry.chunk(open, 0, 0, Array(TestBundle.cardText.utf8))
        }

        func damage(_ statement: String) throws {
            try home.sql(
                statement.replacing("FIRST", with: "'\(first)'")
                    .replacing("SECOND", with: "'\(second)'").replacing("OPEN", with: "'\(open)'"),
                checksReferences: false
            )
        }

        /// Faults, with names for the ids.
        func faults() throws -> [String] {
            try home.verify(withKeys: false).faults.map {
                $0.replacing(first, with: "FIRST").replacing(second, with: "SECOND")
                    .replacing(open, with: "OPEN")
            }
        }
    }

    @Test("a whole registry has no fault")
    func whole() throws {
        #expect(try World().faults() == [])
    }

    @Test(
        "damage to the row of an upload is named by its column",
        arguments: [
            (
                "UPDATE uploads SET bundle_id = '0' || substr(bundle_id, 3) || 'f' WHERE id = FIRST",
                ["upload FIRST: column bundle_id"]
            ),
            (
                "UPDATE uploads SET principal = 'cert:eve' WHERE id = FIRST",
                ["upload FIRST: column principal"]
            ),
            (
                "UPDATE uploads SET metadata = '{\"a\":\"b\"}' WHERE id = FIRST",
                ["upload FIRST: column metadata"]
            ),
            (
                "UPDATE uploads SET metadata = '{' WHERE id = FIRST",
                ["upload FIRST: column metadata"]
            ),
            (
                "UPDATE uploads SET files = '[]' WHERE id = FIRST",
                ["upload FIRST: column files"]
            ),
            (
                """
                UPDATE uploads SET (files, metadata, mac) = (SELECT files, metadata,
                mac FROM uploads WHERE id = SECOND) WHERE id = FIRST
                """,
                ["upload FIRST: column files"]
            ),
            (
                "UPDATE uploads SET alias_generation = 2 WHERE id = SECOND",
                ["upload SECOND: column alias_generation"]
            ),
            (
                "UPDATE uploads SET alias_generation = NULL WHERE id = SECOND",
                ["upload SECOND: column alias_generation"]
            ),
            ("UPDATE uploads SET alias = NULL WHERE id = SECOND", ["upload SECOND: column alias"]),
            (
                "UPDATE uploads SET alias = 'live' WHERE id = FIRST",
                ["upload FIRST: column alias_generation"]
            ),
            (
                "UPDATE uploads SET alias = 'live', alias_generation = 1 WHERE id = FIRST",
                ["upload FIRST: column alias_generation"]
            ),
            (
                "UPDATE uploads SET version = NULL WHERE id = FIRST",
                ["upload FIRST: column version"]
            ),
            (
                "DELETE FROM uploads WHERE id = SECOND",
                ["model 'sentiment', version 2: upload"]
            ),
            (
                """
                INSERT INTO upload_files SELECT FIRST, file_index, sha256, sealed_bytes,
                sealed_sha256, commitment, mac FROM upload_files
                """,
                ["upload FIRST: finished files"]
            ),
            ("UPDATE uploads SET alias = 'live' WHERE id = OPEN", ["upload OPEN: column alias"]),
            (
                "UPDATE uploads SET alias_generation = 1 WHERE id = OPEN",
                ["upload OPEN: column alias_generation"]
            ),
            (
                "UPDATE upload_files SET file_index = 2 WHERE upload_id = OPEN",
                ["upload OPEN: column file_index"]
            ),
        ]
    )
    func row(statement: String, places: [String]) throws {
        let world = try World()
        try world.damage(statement)
        #expect(try world.faults() == places)
    }

    @Test("an upload that names a version that is not there, or is deleted, is named")
    func versions() throws {
        let world = try World()
        try world.damage("UPDATE uploads SET version = 9 WHERE id = FIRST")
        #expect(
            try world.faults() == ["database: foreign keys", "upload FIRST: column version"]
        )
        let other = try World()
        try other.damage(
            """
            INSERT INTO uploads SELECT 'twice', server_id, principal, model, '', mac,
            'x', used_unix_ms, version, alias, alias_generation, metadata, files FROM uploads
            WHERE id = FIRST
            """
        )
        #expect(try other.faults() == ["upload twice: column bundle_id"])
        let deleted = try World()
        let row = try deleted.home.insertion(ofUpload: deleted.first)
        try deleted.home.open().deleteVersion(
            model: "sentiment",
            version: 1,
            principal: "cert:ann"
        )
        try deleted.damage(row)
        #expect(try deleted.faults() == ["upload FIRST: row"])
    }

    @Test("an upload that counts as open and became a version does not take its key along")
    func keyStays() throws {
        let world = try World()
        try world.damage("UPDATE uploads SET version = NULL WHERE id = FIRST")
        let registry = try world.home.open()
        try registry.abort(uploadID: world.first, principal: "cert:ann")
        #expect(
            try registry.open(model: "sentiment", version: 1).read("model.onnx").copyBytes()
                == patterned(100, seed: 1)
        )
        #expect(try world.faults() == ["model 'sentiment', version 1: upload"])
    }

    @Test("the time of the last use stands for itself")
    func ownColumns() throws {
        let world = try World()
        try world.damage("UPDATE uploads SET used_unix_ms = -1")
        #expect(try world.faults() == [])
        #expect(try world.home.verify().faults == [])
    }

    @Test("with keys every other column of every upload is bound to its code")
    func codes() throws {
        for column in ["server_id", "idempotency_key", "principal"] {
            let world = try World()
            try world.damage("UPDATE uploads SET \(column) = 'x' || id")
            let faults = try world.home.verify().faults.filter { $0.hasSuffix("column mac") }
            #expect(faults.count == 3, "\(column): \(faults)")
        }
    }
}

extension TestHome {
    /// A statement that inserts an upload's row as it is now.
    fileprivate func insertion(ofUpload id: String) throws -> String {
        let queue = try DatabaseQueue(path: layout.databasePathForTests)
        defer { try? queue.close() }
        let texts = try queue.read { database in
            let columns = try database.columns(in: "uploads").map { "quote(\($0.name))" }
            return try Row.fetchAll(
                database,
                sql: "SELECT \(columns.joined(separator: ", ")) FROM uploads WHERE id = ?",
                arguments: [id]
            ).flatMap { $0.databaseValues.compactMap { String.fromDatabaseValue($0) } }
        }
        return "INSERT INTO uploads VALUES (\(texts.joined(separator: ", ")))"
    }
}
