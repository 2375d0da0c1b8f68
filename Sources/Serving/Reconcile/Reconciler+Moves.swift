internal import Logging
internal import Registry
internal import Text

extension Reconciler {
    /// Brings an alias one step nearer to what the registry says of it.
    /// - Throws: what the registry throws; the pass is then made again.
    func pass(_ id: AliasID) async throws {
        guard let wish = try await wish(of: id) else { return try await passDeleted(id) }
        aliases[id]?.note(wish, model: id.model)
        if wish.isPending {
            let target = VersionID(model: id.model, version: wish.targetVersion)
            if let refusal = aliases[id]?.refusedTarget, refusal.generation == wish.generation {
                try await settle(id, wish, as: .rejected(reason: refusal.reason))
                return makePassAgain(id)
            }
            if let slot = loaded.slot(target) {
                if try await endMove(id, wish, to: slot) { return makePassAgain(id) }
            } else {
                awaitTarget(id, target, wish)
            }
        }
        showCurrent(id, wish)
        try await answerWaiters(id, wish)
    }

    private func makePassAgain(_ id: AliasID) {
        aliases[id]?.isChanged = true
    }

    private func passDeleted(_ id: AliasID) async throws {
        aliases[id]?.noteDeletion()
        setRoute(id, nil)
        try await answerWaiters(id, nil)
    }

    @discardableResult
    func settle(
        _ id: AliasID,
        _ wish: AliasInfo,
        as outcome: AliasSettlement
    ) async throws -> Bool {
        let registry = registry
        let isSettled = try await control.run {
            try registry.settle(
                model: id.model,
                alias: id.alias,
                generation: wish.generation,
                outcome: outcome
            )
        }
        aliases[id]?.failures = 0
        return isSettled
    }

    // MARK: - What answers

    /// Makes the table answer with a version.
    /// - Parameter begin: when the swap began, for its metrics.
    func serve(
        _ id: AliasID,
        _ slot: Slot,
        since begin: ContinuousClock.Instant = .now
    ) {
        let before = aliases[id]?.answering
        if let before, before != slot.id {
            let stays = limits.keepsPrevious && !loaded.isDeleted(before)
            aliases[id]?.previous = stays ? before : nil
            loaded.slot(before)?.markUsed()
        }
        aliases[id]?.answering = slot.id
        aliases[id]?.broken = nil
        setRoute(id, .serving(slot))
        if let before, before != slot.id { loader.meters.swapped(from: before, since: begin) }
        let metadata = Self.metadata(id, slot.id)
            .merging(Self.metadata(slot.isolation)) { $1 }
        logger.info("a version went live", metadata: metadata)
    }

    /// Makes the table answer with what the registry says answers: after a start, and after a
    /// settlement whose success was not heard of.
    private func showCurrent(_ id: AliasID, _ wish: AliasInfo) {
        guard wish.version != 0 else {
            // It may have been deleted and made again since it was looked at last.
            aliases[id]?.answering = nil
            return setRoute(id, wish.isPending ? .loading : .failed(.noneAnswers(id, wish.failure)))
        }
        let current = VersionID(model: id.model, version: wish.version)
        guard aliases[id]?.answering != current else { return }
        if let slot = loaded.slot(current) { return serve(id, slot) }
        guard aliases[id]?.broken?.generation != wish.generation,
            aliases[id]?.restoring == nil
        else { return }
        let load = load(current, for: AuditAction.serverPrincipal)
        aliases[id]?.restoring = Task {
            await self.restored(id, current, generation: wish.generation, await load.value)
        }
    }

    private func restored(
        _ id: AliasID,
        _ current: VersionID,
        generation: UInt64,
        _ result: LoadedVersions.Loaded
    ) async {
        aliases[id]?.restoring = nil
        if case .failure(let failure) = result, aliases[id]?.current == current {
            let error = failure.servingError(current)
            if aliases[id]?.answering == nil { setRoute(id, .failed(error)) }
            guard !failure.mayPass else { return tryAgainLater(id, after: error) }
            aliases[id]?.broken = FollowedAlias.Refusal(
                generation: generation,
                reason: failure.reason
            )
            var metadata = Self.metadata(id, current)
            metadata["error"] = "\(error)"
            logger.error("a live version could not be loaded", metadata: metadata)
        }
        await follow(id)
    }

    // MARK: - What shall answer

    /// Has the target of a move loaded in the turns of the move's principal; its end is looked at
    /// in a later pass.
    private func awaitTarget(_ id: AliasID, _ target: VersionID, _ wish: AliasInfo) {
        let generation = wish.generation
        guard !isStarting, aliases[id]?.awaited != generation else { return }
        aliases[id]?.awaited = generation
        let load = load(target, for: wish.changedBy)
        Task { await self.targetEnded(id, target, generation: generation, await load.value) }
    }

    private func targetEnded(
        _ id: AliasID,
        _ target: VersionID,
        generation: UInt64,
        _ result: LoadedVersions.Loaded
    ) async {
        // A later move has its own target, and its own end of that.
        guard aliases[id]?.awaited == generation else { return }
        aliases[id]?.awaited = nil
        if case .failure(let failure) = result {
            let error = failure.servingError(target)
            guard !failure.mayPass else { return tryAgainLater(id, after: error) }
            var metadata = Self.metadata(id, target)
            metadata["error"] = "\(error)"
            logger.warning("a version did not go live", metadata: metadata)
            aliases[id]?.refusedTarget = FollowedAlias.Refusal(
                generation: generation,
                reason: failure.reason
            )
        }
        await follow(id)
    }

    // MARK: - Who waits

    /// Tells those who wait how their moves ended, from the history: of all moves up to the last,
    /// and of that too unless it was pending when it was read, since the table is no further.
    /// - Parameter wish: nil: the alias is deleted.
    private func answerWaiters(_ id: AliasID, _ wish: AliasInfo?) async throws {
        let generations = Set((aliases[id]?.waiters ?? []).map(\.generation))
        let end = wish.map { $0.isPending ? $0.generation : $0.generation + 1 } ?? .max
        for generation in generations where generation < end {
            let registry = registry
            let outcome = try await control.run {
                try registry.outcome(of: id, generation: generation)
            }
            guard let told = told(outcome, id, wish) else { continue }
            let end = MoveEnd(
                outcome: told,
                signatureChanges: aliases[id]?.signatureChanges(of: generation) ?? []
            )
            resolve(id, as: end) { $0.generation == generation }
        }
    }

    /// What those who wait are told; nil: nothing yet. A version is not said to serve before the
    /// table has it.
    private func told(_ outcome: MoveOutcome?, _ id: AliasID, _ wish: AliasInfo?) -> MoveOutcome? {
        guard outcome == .served, let wish, aliases[id]?.answering?.version != wish.version else {
            return outcome
        }
        guard let broken = aliases[id]?.broken, broken.generation == wish.generation else {
            return nil
        }
        return .rejected(reason: broken.reason)
    }

    private func wish(of id: AliasID) async throws -> AliasInfo? {
        let registry = registry
        return try await control.run {
            do {
                return try registry.alias(model: id.model, alias: id.alias)
            } catch let error as RegistryError where error.code == .notFound {
                return nil
            }
        }
    }

    static func metadata(_ id: AliasID, _ version: VersionID) -> Logger.Metadata {
        [
            "model.name": "\(id.model)", "model.alias": "\(id.alias)",
            "model.version": "\(version.version)",
        ]
    }
}

extension AliasInfo {
    /// Whether its last move is open.
    fileprivate var isPending: Bool { targetVersion != version }
}

extension Registry {
    /// How a move ended, as the history has it; nil: it is pending.
    fileprivate func outcome(of id: AliasID, generation: UInt64) throws -> MoveOutcome? {
        let move: AliasMoveInfo?
        do {
            move = try aliasHistory(
                model: id.model,
                alias: id.alias,
                before: generation + 1,
                limit: 1
            ).first
        } catch let error as RegistryError where error.code == .notFound {
            move = nil
        }
        // A move that never was: nobody has to wait for it.
        guard let move, move.generation == generation else { return .superseded }
        switch move.outcome {
        case .pending: return nil
        case .served: return .served
        case .superseded: return .superseded
        case .rejected: return .rejected(reason: try reasonOfRejection(id, move))
        }
    }

    /// The alias has the reason of its last move; the version has it if the fault is its own.
    private func reasonOfRejection(_ id: AliasID, _ move: AliasMoveInfo) throws -> String {
        if let now = try? alias(model: id.model, alias: id.alias),
            now.generation == move.generation, !now.failure.isEmpty
        {
            return now.failure
        }
        let info = try version(model: id.model, version: move.toVersion, includingDeleted: true)
        return info.reason.isEmpty ? "it could not be loaded" : info.reason
    }
}

extension ServingError {
    /// What an alias answers whose first target was rejected.
    fileprivate static func noneAnswers(_ id: AliasID, _ failure: String) -> ServingError {
        ServingError(
            .failedPrecondition,
            "no version answers for alias \(quoted(id.alias)) of model \(quoted(id.model)): "
                + "\(failure)"
        )
    }
}
