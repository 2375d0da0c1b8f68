import Foundation
import Registry
import Sealing
import Testing

@Suite("Repair")
struct RepairTests {
    private func events(_ home: TestHome) throws -> [AuditEventInfo] {
        try home.open().auditEvents(model: nil, after: 0, limit: 1_000) { _ in true }
    }

    @Test("a whole registry is left as it is")
    func whole() throws {
        let home = try VerifyTests.populated()
        let repaired = try home.repair()
        #expect(repaired.faults == [] && repaired.repairs == [])
        #expect(repaired.summary.repairs == 0 && repaired.summary.faultsLeft == 0)
        #expect(try events(home).last?.action == AuditAction.versionDelete)
    }

    @Test("a damaged sealed file is moved aside with its bytes, and is missing from then on")
    func damaged() throws {
        let home = try VerifyTests.populated()
        let path = try home.blob(sealedBytes: 160 + Limits.chunkBytes + 16 + 500 + 16)
        try home.change(path) { $0[5_000] ^= 1 }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let name = try #require(path.split(separator: "/").last)
        let repaired = try home.repair()
        #expect(repaired.summary.faults == 1 && repaired.summary.faultsLeft == 1)
        #expect(repaired.repairs.count == 1)
        let aside = home.path + "/store/quarantine/\(name)"
        #expect(try Data(contentsOf: URL(fileURLWithPath: aside)) == bytes)
        #expect(
            try home.verify().faults == [
                "model 'sentiment', version 1, file 'model.onnx': sealed file"
            ]
        )
        let last = try #require(try events(home).last)
        #expect(last.action == AuditAction.repair && last.principal == "server")
        // Put back as it was, it is whole again; a second damaged one takes another name.
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true
        )
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try home.repair().repairs.count == 1)
        #expect(FileManager.default.fileExists(atPath: aside + ".1"))
        try bytes.write(to: URL(fileURLWithPath: path))
        try home.change(path) { $0[5_000] ^= 1 }
        #expect(try home.verify().faults == [])
    }

    @Test("strays are moved aside, and blobs that nothing refers to are not")
    func strays() throws {
        let home = try VerifyTests.populated()
        let blobs = home.path + "/store/blobs"
        try Data([1]).write(to: URL(fileURLWithPath: blobs + "/note.txt"))
        let count = try home.files(below: "store/blobs").count
        let repaired = try home.repair()
        #expect(repaired.repairs == ["file blobs/note.txt: moved to quarantine/blobs_note.txt"])
        #expect(repaired.summary.faultsLeft == 0)
        #expect(try home.files(below: "store/blobs").count == count - 1)
        #expect(try home.files(below: "store/quarantine").count == 1)
    }

    @Test("a second place that is behind is raised")
    func sequence() throws {
        let home = try VerifyTests.populated()
        let path = home.path + "/keys/sequence"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try "3\n".write(toFile: path, atomically: false, encoding: .utf8)
        #expect(try home.repair().repairs.count == 1)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test("an index that lost its entries is rebuilt")
    func indexes() throws {
        let home = try VerifyTests.populated()
        // The index is built under a condition that no row meets, which then is taken back.
        try changeIndex(home, "'sequence)', 'sequence) WHERE 0'")
        try home.sql("REINDEX audit_by_model")
        try changeIndex(home, "' WHERE 0', ''")
        #expect(try home.verify().faults.allSatisfy { $0 == "database: integrity" })
        let repaired = try home.repair()
        #expect(repaired.summary.faults > 0 && repaired.summary.faultsLeft == 0)
        #expect(repaired.repairs == ["database: indexes: rebuilt"])
        #expect(try home.verify().faults == [])
    }

    private func changeIndex(_ home: TestHome, _ change: String) throws {
        try home.sql(
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = replace(sql, \(change)) WHERE name = 'audit_by_model';
            PRAGMA writable_schema = RESET;
            """
        )
    }

    @Test("an open upload whose key is lost is removed, and one whose blob is lost sends it again")
    func uploads() throws {
        let home = try VerifyTests.populated()
        let registry = try home.open()
        let bundle = TestBundle(model: "fourth", content: patterned(50), key: "k")
        let begun = try registry.beginPublish(bundle.request, principal: "cert:ann")
        try registry.chunk(begun.uploadID, 1, 0, patterned(50))
        _ = consume registry
        let blob = try home.blob(sealedBytes: 160 + 50 + 16)
        try home.change(blob) { $0[170] ^= 1 }
        try home.sql("DELETE FROM wrapped_keys WHERE model = 'third'")
        let repaired = try home.repair()
        #expect(repaired.summary.faults == 2, "\(repaired.faults)")
        #expect(repaired.summary.faultsLeft == 0)
        #expect(
            repaired.repairs.contains(
                "upload \(begun.uploadID): file 1: is lost, and is to be sent again"
            )
        )
        #expect(repaired.repairs.contains { $0.hasSuffix("its key is lost; publish it anew") })
        let again = try home.open()
        #expect(try again.beginPublish(bundle.request, principal: "cert:ann") == begun)
        try bundle.send(begun.uploadID, to: again)
        #expect(
            try again.commit(uploadID: begun.uploadID, alias: nil, principal: "cert:ann")
                .version.version == 1
        )
        #expect(try home.verify().faults == [])
    }

    @Test("nothing is signed over a head that does not hold")
    func damagedHead() throws {
        let home = try VerifyTests.populated()
        try home.sql("DELETE FROM wrapped_keys WHERE model = 'third'")
        try home.sql("UPDATE aliases SET version = 2, target_version = 2 WHERE model = 'sentiment'")
        let repaired = try home.repair()
        #expect(repaired.summary.repairs == 0)
        #expect(repaired.summary.faultsLeft == repaired.summary.faults)
        #expect(repaired.notes.contains { $0.contains("cannot be trusted or signed anew") })
        #expect(refusal { try home.open() } == .unavailable)
    }

    @Test("nothing is repaired beside a server, a backup or another verification")
    func alone() throws {
        let home = try VerifyTests.populated()
        do {
            let registry = try home.open()
            #expect(refusal { try home.repair() } == .unavailable)
            _ = consume registry
        }
        let lease = try FileLock(home.path + "/store/lease", LOCK_SH)
        #expect(refusal { try home.repair() } == .resourceExhausted)
        #expect(try home.verify().faults == [])
        lease.release()
        #expect(try home.repair().faults == [])
    }
}
