/// What a verification looked at.
package struct VerificationSummary: Sendable, Equatable {
    /// Versions, deleted ones too.
    package internal(set) var versions: UInt64 = 0
    /// Sealed files that were read.
    package internal(set) var files: UInt64 = 0
    /// Plaintext bytes of these files.
    package internal(set) var bytes: UInt64 = 0
    /// Events of the audit log.
    package internal(set) var events: UInt64 = 0
    /// Open uploads.
    package internal(set) var uploads: UInt64 = 0
    /// Whether the key-encryption keys were there; without them nothing was opened.
    package internal(set) var withKeys = false
    /// What is wrong.
    package internal(set) var faults: UInt64 = 0
    /// What a repair did.
    package internal(set) var repairs: UInt64 = 0
    /// What is wrong after a repair.
    package internal(set) var faultsLeft: UInt64 = 0
    /// What is only worth knowing.
    package internal(set) var notes: UInt64 = 0
}
