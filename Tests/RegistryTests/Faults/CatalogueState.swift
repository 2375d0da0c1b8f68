import Sealing

@testable import Registry

/// All that a registry says of itself, without times and random numbers, so that two registries
/// that went through the same are equal.
struct CatalogueState: Equatable {
    private(set) var lines: [String] = []
    /// Sealed files that a version or an open upload refers to.
    private(set) var blobs = 0

    static func == (left: CatalogueState, right: CatalogueState) -> Bool {
        left.lines == right.lines
    }

    /// Reads it all, every byte of every file too. Records, cards and files are verified on the
    /// way, and compared with what was published.
    init(_ registry: Registry) throws {
        for model in try registry.models(after: nil, limit: 100, where: { _ in true }) {
            for version in try registry.versions(model: model.name, before: nil, limit: 100) {
                try add(version, registry)
            }
            for alias in model.aliases {
                lines.append(
                    "alias \(model.name) \(alias.name) \(alias.version) \(alias.generation) "
                        + "\(alias.targetVersion) '\(alias.failure)' \(alias.changedBy)"
                )
            }
            try addHistory(model.name, registry)
        }
        for upload in try registry.openUploadIDs() {
            blobs += try registry.metadata.read { try $0.uploadFiles(id: upload).count }
        }
        try addEvents(registry)
    }

    private mutating func add(_ version: VersionInfo, _ registry: Registry) throws {
        lines.append(
            "version \(version.model) \(version.version) \(version.state) '\(version.reason)' "
                + "\(version.createdBy) \(version.bytes) \(version.aliases)"
        )
        guard version.state != .deleted else {
            _ = try registry.card(model: version.model, version: version.version)
            return
        }
        let opened = try registry.open(model: version.model, version: version.version)
        let bundle = FaultFixture.bundle(version.version)
        for file in opened.files {
            let content = bundle.files.first { $0.path == file.path }?.content
            guard try opened.read(file.path).copyBytes() == content else {
                throw TestFailure(message: "version \(version.version): other bytes")
            }
        }
        guard opened.files.count == bundle.files.count else {
            throw TestFailure(message: "version \(version.version): other files")
        }
        blobs += opened.files.count
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

    private mutating func addEvents(_ registry: Registry) throws {
        let events = try registry.auditEvents(model: nil, after: 0, limit: 1_000) { _ in true }
        lines += events.map {
            "event \($0.sequence) \($0.principal) \($0.action) \($0.model) \($0.version) "
                + "'\($0.detail)'"
        }
        guard events.allSatisfy(\.isIntact),
            zip(events, events.dropFirst()).allSatisfy({ $0.hash == $1.previousHash })
        else { throw TestFailure(message: "the audit log is no chain") }
    }
}

extension Registry {
    /// The uploads that are open.
    func openUploadIDs() throws -> [String] {
        try metadata.read { try $0.openUploads() }.map(\.id)
    }
}

/// What a registry's folders hold.
struct StoreContent {
    /// Files that the next start has to have removed.
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
        stray += try home.files(below: "keys").filter { $0.hasSuffix(".new") }
    }
}
