import Sealing

@testable import Registry

/// All that a registry says of itself, without times and random numbers, so that two registries
/// that went through the same are equal.
struct CatalogueState: Equatable {
    private(set) var lines: [String] = []

    /// Reads the rows.
    ///
    /// - Parameter event: How a line about an event counts, `nil` for not at all.
    init(_ registry: Registry, event: (String) -> String? = { $0 }) throws {
        for model in try registry.models(after: nil, limit: 100, where: { _ in true }) {
            for version in try registry.versions(model: model.name, before: nil, limit: 100) {
                lines.append(
                    "version \(version.model) \(version.version) \(version.state) "
                        + "'\(version.reason)' \(version.createdBy) \(version.bytes) "
                        + "\(version.aliases)"
                )
            }
            for alias in model.aliases {
                lines.append(
                    "alias \(model.name) \(alias.name) \(alias.version) \(alias.generation) "
                        + "\(alias.targetVersion) '\(alias.failure)' \(alias.changedBy)"
                )
            }
            try addHistory(model.name, registry)
        }
        lines += try registry.allEvents().compactMap {
            event(
                "event \($0.sequence) \($0.principal) \($0.action) \($0.model) \($0.version) "
                    + "'\($0.detail)'"
            )
        }
    }

    private mutating func addHistory(_ model: String, _ registry: Registry) throws {
        do {
            let moves = try registry.aliasHistory(
                model: model,
                alias: "live",
                before: nil,
                limit: 100
            )
            lines += moves.map {
                "move \(model) live \($0.generation) \($0.fromVersion) \($0.toVersion) "
                    + "\($0.principal) '\($0.reason)' \($0.outcome) \($0.servedUnixMs > 0)"
            }
        } catch let error as RegistryError where error.code == .notFound {}
    }
}

extension Registry {
    /// The uploads that are open.
    func openUploadIDs() throws -> [String] {
        try metadata.read { try $0.openUploads() }.map(\.id)
    }

    /// The whole audit log.
    func allEvents() throws -> [AuditEventInfo] {
        try auditEvents(model: nil, after: 0, limit: 1_000) { _ in true }
    }

    /// Reads every byte of every version, verifies it, and compares it with what was published;
    /// and checks the chain of the audit log.
    ///
    /// - Returns: The sealed files that a version or an open upload refers to.
    func checkContent() throws -> Int {
        let events = try allEvents()
        guard events.allSatisfy(\.isIntact),
            zip(events, events.dropFirst()).allSatisfy({ $0.hash == $1.previousHash })
        else { throw TestFailure(message: "the audit log is no chain") }
        var blobs = 0
        for model in try models(after: nil, limit: 100, where: { _ in true }) {
            for version in try versions(model: model.name, before: nil, limit: 100) {
                blobs += try checkContent(version)
            }
        }
        for upload in try openUploadIDs() {
            blobs += try metadata.read { try $0.uploadFiles(id: upload).count }
        }
        return blobs
    }

    private func checkContent(_ version: VersionInfo) throws -> Int {
        guard version.state != .deleted else {
            _ = try card(model: version.model, version: version.version)
            return 0
        }
        let opened = try open(model: version.model, version: version.version)
        let bundle = FaultFixture.bundle(version.version)
        guard opened.files.map(\.path) == bundle.files.map(\.path).sorted() else {
            throw TestFailure(message: "version \(version.version): other files")
        }
        for file in bundle.files {
            guard try opened.read(file.path).copyBytes() == file.content else {
                throw TestFailure(message: "version \(version.version): other bytes")
            }
        }
        return opened.files.count
    }
}

/// What a registry's folders hold.
struct StoreContent {
    /// Files that the next start, or the collection, has to have removed.
    private(set) var stray: [String] = []
    /// Sealed files.
    private(set) var blobs = 0

    init(_ home: TestHome) throws {
        let known: Set = [
            "registry.sqlite", "registry.sqlite-wal", "registry.sqlite-shm", "server-id", "lock",
            "lease",
        ]
        let root = home.path + "/store/"
        for path in try home.files() {
            let name = String(path.dropFirst(root.count))
            if name.hasPrefix("blobs/") {
                blobs += 1
            } else if !known.contains(name) {
                stray.append(name)
            }
        }
        stray += try home.files(below: "keys").filter {
            $0.hasSuffix(".new") || $0.hasSuffix(".tmp")
        }
    }
}
