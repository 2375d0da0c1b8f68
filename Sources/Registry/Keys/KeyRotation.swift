/// What a rotation of the key-encryption keys did.
package struct KeyRotation: Sendable, Equatable {
    /// The id of the key that all wraps use now.
    package internal(set) var currentKey: String
    /// Keys that this rotation brought under it.
    package internal(set) var rewrapped: UInt64 = 0
    /// What did not unwrap, one line each; then nothing is retired. At most
    /// ``Limits/maxNamedFindings``.
    package internal(set) var failures: [String] = []
    /// The ids of keys that nothing counts on any more, and that were put aside.
    package internal(set) var retiredKeys: [String] = []
}

/// How many keys count on each key-encryption key.
package struct KeyCounts: Sendable, Equatable {
    /// Data keys of versions and uploads, and the registry's own, by the id of the key that wraps
    /// them.
    package let wrapped: [String: UInt64]

    /// Reads them, also while a server runs.
    ///
    /// - Throws: `unavailable` if there is no registry, or its database cannot be read.
    package static func read(_ layout: RegistryLayout) throws -> KeyCounts {
        let metadata = try MetadataStore.openForReading(layout.databasePath)
        defer { try? metadata.close() }
        return KeyCounts(wrapped: try metadata.read { try $0.keyCounts() })
    }
}
