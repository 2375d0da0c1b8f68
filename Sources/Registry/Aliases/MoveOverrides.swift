/// The checks before a swap that a move of an alias passes over, because its caller asked for it.
package struct MoveOverrides: Sendable, Equatable {
    /// Whether the alias moves even if the target's signature breaks callers of what answers.
    package var allowsSignatureChange = false
    /// Whether the alias moves even if every warm-up run of the target failed.
    package var isForced = false

    /// Passes over no check, unless told otherwise.
    package init(allowsSignatureChange: Bool = false, isForced: Bool = false) {
        self.allowsSignatureChange = allowsSignatureChange
        self.isForced = isForced
    }

    static let signatureChangeName = "allow_signature_change"
    static let forceName = "force"

    /// As the audit log has it, behind the generation.
    var detail: String {
        (allowsSignatureChange ? ", \(Self.signatureChangeName)" : "")
            + (isForced ? ", \(Self.forceName)" : "")
    }
}

/// The terms of a pending move, for the server that has to decide on its swap.
package struct PendingMove: Sendable, Equatable {
    /// Whether it goes back to a version that served: no check refuses such a move.
    package let isRollback: Bool
    /// The checks that it passes over.
    package let overrides: MoveOverrides
}
