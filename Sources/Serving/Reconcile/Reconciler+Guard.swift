internal import Engine
internal import Logging
internal import Registry

/// The checks between the load of a move's target and the swap.
extension Reconciler {
    /// The comparison of a target's signature with that of the version that answers now.
    private enum Comparison {
        /// No version answers.
        case needless
        /// The version that answers cannot be loaded here.
        case impossible
        /// The version that answers is still to be loaded.
        case notYet
        case made([String])

        var differences: [String] {
            if case .made(let differences) = self { differences } else { [] }
        }
    }

    /// Ends a pending move whose target is loaded: the alias answers with it, or the move is
    /// refused and the version stays STORED.
    ///
    /// - Returns: False if the move has to wait until what answers now is loaded, since the target
    ///   is to be compared with it.
    func endMove(_ id: AliasID, _ wish: AliasInfo, to slot: Slot) async throws -> Bool {
        let begin = ContinuousClock.now
        // Another move may have taken its place since it was read.
        guard let move = try await pendingMove(id, wish) else { return true }
        let comparison = compare(slot, with: wish, of: id)
        if case .notYet = comparison, !move.isRollback, !move.overrides.allowsSignatureChange {
            return false
        }
        aliases[id]?.differences = FollowedAlias.Differences(
            generation: wish.generation,
            texts: comparison.differences
        )
        if let reason = Self.refusal(of: move, wish, slot, comparison) {
            log(.warning, "a move was refused", id, slot.id, ["reason": "\(reason)"])
            try await settle(id, wish, as: .rejected(reason: reason))
            return true
        }
        if case .impossible = comparison {
            log(
                .warning,
                "signatures were not compared: the version that answers is not loaded here",
                id,
                slot.id,
                ["from_version": "\(wish.version)"]
            )
        }
        // Settled first: what answers is durable before a caller gets an answer of it.
        if try await settle(id, wish, as: .served) {
            serve(id, slot, since: begin)
            if !comparison.differences.isEmpty {
                log(
                    .warning,
                    "the signature changed for callers of the version that answered before",
                    id,
                    slot.id,
                    [
                        "from_version": "\(wish.version)",
                        "differences": "\(comparison.differences.joined(separator: "; "))",
                    ]
                )
            }
        }
        return true
    }

    private func pendingMove(_ id: AliasID, _ wish: AliasInfo) async throws -> PendingMove? {
        let registry = registry
        return try await control.run {
            try registry.pendingMove(
                model: id.model,
                alias: id.alias,
                generation: wish.generation
            )
        }
    }

    private func compare(_ slot: Slot, with wish: AliasInfo, of id: AliasID) -> Comparison {
        guard wish.version != 0 else { return .needless }
        let current = VersionID(model: id.model, version: wish.version)
        if let answering = loaded.slot(current) {
            let comparison = SignatureComparison(
                from: answering.model.signature,
                to: slot.model.signature
            )
            return .made(comparison.differences)
        }
        let isBroken = aliases[id]?.broken != nil
        return isBroken || loaded.status(of: current)?.load == .failed ? .impossible : .notYet
    }

    /// Why a move may not be made; nil: it may. Each reason names the field of the request that
    /// passes over it.
    private static func refusal(
        of move: PendingMove,
        _ wish: AliasInfo,
        _ slot: Slot,
        _ comparison: Comparison
    ) -> String? {
        // A way back is never barred.
        guard !move.isRollback else { return nil }
        var reasons: [String] = []
        if let failure = slot.warmUpFailure, !move.overrides.isForced {
            reasons.append(
                "the move needs force, since every run on synthetic inputs failed: \(failure)"
            )
        }
        let differences = comparison.differences
        if !differences.isEmpty, !move.overrides.allowsSignatureChange {
            reasons.append(
                "the move needs allow_signature_change, since it breaks callers of version "
                    + "\(wish.version): \(differences.joined(separator: "; "))"
            )
        }
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }

    private func log(
        _ level: Logger.Level,
        _ message: Logger.Message,
        _ id: AliasID,
        _ version: VersionID,
        _ more: Logger.Metadata
    ) {
        let metadata = Self.metadata(id, version).merging(more) { $1 }
        logger.log(level: level, message, metadata: metadata)
    }
}
