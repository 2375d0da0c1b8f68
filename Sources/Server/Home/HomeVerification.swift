package import Registry
internal import Sealing

/// A verification of a home, whether a server runs on it or not.
package struct HomeVerification: Sendable {
    private let home: Home
    private let source: String?
    private let withoutKeys: Bool
    private let progress: @Sendable (_ done: UInt64, _ total: UInt64) -> Void
    private let finding: @Sendable (Finding) -> Void

    /// - Parameters:
    ///   - keys: The source that the configuration names; nil: the home's own folder.
    ///   - withoutKeys: Check only what needs no key-encryption key, without opening one.
    ///   - progress: Told the plaintext bytes that were read, and how many there are.
    ///   - finding: Told each finding as it comes, from any thread.
    package init(
        _ home: Home,
        keys source: String?,
        withoutKeys: Bool,
        progress: @escaping @Sendable (_ done: UInt64, _ total: UInt64) -> Void,
        finding: @escaping @Sendable (Finding) -> Void
    ) {
        self.home = home
        self.source = source
        self.withoutKeys = withoutKeys
        self.progress = progress
        self.finding = finding
    }

    /// Checks everything.
    ///
    /// - Throws: ``ServerError`` for a source of keys that is none.
    package func run() throws -> VerificationSummary {
        try verification().run()
    }

    /// Checks everything and puts right what can be, while no server runs on the home.
    ///
    /// - Throws: ``ServerError``: also while another process has the registry open.
    package func repair() throws -> VerificationSummary {
        do {
            return try verification().repair()
        } catch let error as RegistryError {
            throw ServerError(error.description, hint: "stop the server first: repair works alone")
        }
    }

    private func verification() throws -> Verification {
        let places = try Self.places(home, source)
        var provider: (any KeyProvider)?
        var failure: String?
        if withoutKeys {
            finding(.withoutKeys)
        } else {
            do {
                provider = try HomeKeys.open(home, source: source).provider
            } catch {
                failure = "not opened, \(error.message): what needs them was not checked"
            }
        }
        return Verification(
            places: places,
            keys: provider,
            keysFailure: failure,
            reopenKeys: { [home, source] in try HomeKeys.open(home, source: source).provider },
            progress: progress,
            finding: finding
        )
    }

    /// Checks the audit log alone, without keys.
    package static func checkAudit(
        _ home: Home,
        keys source: String?,
        checkpoint: Checkpoint?,
        finding: @escaping @Sendable (Finding) -> Void
    ) throws -> AuditVerification.Summary {
        AuditVerification(places: try places(home, source), finding: finding)
            .run(checkpoint: checkpoint)
    }

    /// The signed head as it is now.
    package static func checkpoint(_ home: Home, keys source: String?) throws -> Checkpoint {
        try AuditVerification.checkpoint(try places(home, source))
    }

    private static func places(_ home: Home, _ source: String?) throws -> Verification.Places {
        let folder = try HomeKeys.folder(home, source: source)
        return Verification.Places(
            layout: RegistryLayout(store: home.store, sequencePath: folder + "/sequence"),
            keyFolder: folder,
            judged: home.judgedPaths
        )
    }
}

extension Finding {
    fileprivate static let withoutKeys = Finding(
        kind: .note,
        object: "keys",
        field: "",
        problem: "not opened, as was asked for: nothing sealed was opened, digests, signatures and "
            + "chains were checked"
    )
}
