internal import Sealing

/// A signed head that was kept somewhere else: proof of what the audit log was at that time.
package struct Checkpoint: Sendable, Equatable {
    /// The head's bytes as they were signed.
    package let head: [UInt8]
    /// The registry's Ed25519 signature over them.
    package let signature: [UInt8]

    /// A checkpoint as it was kept; nothing is checked yet.
    package init(head: [UInt8], signature: [UInt8]) {
        self.head = head
        self.signature = signature
    }
}
