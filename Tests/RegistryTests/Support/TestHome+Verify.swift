import Foundation
import GRDB
import Registry
import Sealing
import Synchronization

extension TestHome {
    var places: Verification.Places {
        Verification.Places(layout: layout, keyFolder: path + "/keys")
    }

    private func verification(
        withKeys: Bool,
        _ finding: @escaping @Sendable (Finding) -> Void
    ) throws -> Verification {
        let folder = path + "/keys"
        return Verification(
            places: places,
            keys: withKeys ? try FolderKeyProvider(folder: folder) : nil,
            reopenKeys: { try FolderKeyProvider(folder: folder) },
            finding: finding
        )
    }

    /// Verifies all of it.
    func verify(withKeys: Bool = true) throws -> Verified {
        let findings = Mutex<[Finding]>([])
        let summary = try verification(withKeys: withKeys) { finding in
            findings.withLock { $0.append(finding) }
        }.run()
        return Verified(summary: summary, findings: findings.withLock { $0 })
    }

    /// Verifies and repairs.
    func repair(withKeys: Bool = true) throws -> Verified {
        let findings = Mutex<[Finding]>([])
        let summary = try verification(withKeys: withKeys) { finding in
            findings.withLock { $0.append(finding) }
        }.repair(clock: clock.wallClock)
        return Verified(summary: summary, findings: findings.withLock { $0 })
    }

    /// Checks the audit log alone.
    func verifyAudit(checkpoint: Checkpoint? = nil) -> (
        summary: AuditVerification.Summary, faults: [String]
    ) {
        let findings = Mutex<[Finding]>([])
        let summary = AuditVerification(places: places) { finding in
            findings.withLock { $0.append(finding) }
        }.run(checkpoint: checkpoint)
        return (summary, findings.withLock { $0 }.map(\.place))
    }

    /// The path of the sealed file whose size is this.
    func blob(sealedBytes: Int) throws -> String {
        let found = try files(below: "store/blobs").first { path in
            try Data(contentsOf: URL(fileURLWithPath: path)).count == sealedBytes
        }
        guard let found else { throw TestFailure(message: "no blob of \(sealedBytes) bytes") }
        return found
    }

    /// The first page of a table or an index of the database.
    func rootPage(of name: String) throws -> Int {
        let queue = try DatabaseQueue(path: layout.databasePathForTests)
        defer { try? queue.close() }
        let page = try queue.read { database in
            try Int.fetchOne(
                database,
                sql: "SELECT rootpage FROM sqlite_schema WHERE name = ?",
                arguments: [name]
            )
        }
        guard let page else { throw TestFailure(message: "no \(name)") }
        return page
    }

    /// Changes a file's bytes in place.
    func change(_ path: String, _ body: (inout [UInt8]) -> Void) throws {
        let url = URL(fileURLWithPath: path)
        var bytes = try [UInt8](Data(contentsOf: url))
        body(&bytes)
        try Data(bytes).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }
}

/// What a verification said.
struct Verified {
    let summary: VerificationSummary
    let findings: [Finding]

    /// Objects and fields of all faults.
    var faults: [String] { findings.filter { $0.kind == .fault }.map(\.place).sorted() }
    var notes: [String] { findings.filter { $0.kind == .note }.map(\.description) }
    var repairs: [String] { findings.filter { $0.kind == .repair }.map(\.description) }
}

extension Finding {
    /// Object and field.
    var place: String { field.isEmpty ? object : "\(object): \(field)" }
}
