package import Text

/// What the registry holds of a version; the same for every server.
package enum VersionState: String, Sendable, CaseIterable {
    /// Durable and allowed to serve.
    case stored
    /// Did not load, warm up or pass its golden requests: no alias can be moved here.
    case rejected
    /// Its data key is destroyed; its record and card remain.
    case deleted
}

/// One version of a model, as lists show it.
package struct VersionInfo: Sendable, Equatable {
    /// The model's name.
    package let model: String
    /// 1, 2, 3 ... per model, never reused.
    package let version: UInt64
    /// When it was committed, in milliseconds since 1970.
    package let createdUnixMs: Int64
    /// The principal that published it.
    package let createdBy: String
    /// Plaintext bytes of all its files.
    package let bytes: UInt64
    /// The SHA-256 of its signed record, 32 bytes.
    package let recordSHA256: [UInt8]
    /// The aliases that answer with it or are to, sorted.
    package let aliases: [String]
    /// Whether it may serve.
    package let state: VersionState
    /// Why it was rejected; empty otherwise.
    package let reason: String
    /// What its publisher said about it.
    package let metadata: [ExactString: ExactString]
}

extension VersionInfo {
    /// The version in another state.
    func with(_ state: VersionState) -> VersionInfo {
        VersionInfo(
            model: model,
            version: version,
            createdUnixMs: createdUnixMs,
            createdBy: createdBy,
            bytes: bytes,
            recordSHA256: recordSHA256,
            aliases: aliases,
            state: state,
            reason: reason,
            metadata: metadata
        )
    }
}

/// One file of a published version.
package struct FileInfo: Sendable, Equatable {
    /// The path inside the bundle.
    package let path: ExactString
    /// Plaintext bytes.
    package let size: UInt64
    /// SHA-256 of the plaintext, 32 bytes.
    package let sha256: [UInt8]
}

/// A model with its aliases, as lists show it.
package struct ModelInfo: Sendable, Equatable {
    /// The model's name.
    package let name: String
    /// Its highest version that is not deleted; 0 when all are.
    package let latestVersion: UInt64
    /// Its aliases by name.
    package let aliases: [AliasInfo]
}
