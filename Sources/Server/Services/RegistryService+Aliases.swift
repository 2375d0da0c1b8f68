internal import RPC
internal import Registry
internal import Serving
internal import Text
internal import Wire

extension RegistryService {
    var aliases: [Method] {
        [
            service.control("SetAlias", rule: .model([.publisher], \.model), set),
            service.control("Rollback", rule: .model([.publisher], \.model), rollback),
            service.control("DeleteAlias", rule: .model([.publisher], \.model), delete),
            service.control(
                "ListAliasHistory",
                rule: .model([.publisher, .observer], \.model),
                replyBytes: { _ in Page.maxBytes },
                history
            ),
            service.control("DeleteVersion", rule: .model([], \.model), deleteVersion),
            service.control("ValidateVersion", rule: .model([.publisher], \.model), validate),
        ]
    }

    private func set(
        _ request: V1.SetAliasRequest,
        _ caller: Caller
    ) async throws -> V1.SetAliasResponse {
        let registry = registry
        let change = try await work.run {
            try registry.setAlias(
                model: request.model,
                alias: request.alias,
                version: request.version,
                expectedGeneration: request.expectedGeneration,
                mustNotExist: request.mustNotExist,
                overrides: MoveOverrides(
                    allowsSignatureChange: request.allowSignatureChange,
                    isForced: request.force
                ),
                principal: caller.name
            )
        }
        let end = try await follow(change, model: request.model, wait: request.waitReady)
        return V1.SetAliasResponse(
            alias: end.alias,
            previousVersion: change.previousVersion,
            signatureChanges: end.signatureChanges
        )
    }

    private func rollback(
        _ request: V1.RollbackRequest,
        _ caller: Caller
    ) async throws -> V1.RollbackResponse {
        let registry = registry
        let change = try await work.run {
            try registry.rollback(
                model: request.model,
                alias: AliasName.orLive(request.alias),
                toVersion: request.toVersion,
                expectedGeneration: request.expectedGeneration,
                reason: request.reason,
                principal: caller.name
            )
        }
        let end = try await follow(change, model: request.model, wait: request.waitReady)
        return V1.RollbackResponse(
            alias: end.alias,
            previousVersion: change.previousVersion,
            signatureChanges: end.signatureChanges
        )
    }

    /// Sets a committed move going, and waits for its end if the caller does.
    ///
    /// - Returns: The alias, whose move is pending if the caller does not wait or the server is
    ///   about to end, and the signature's differences for callers of the version before.
    private func follow(
        _ change: AliasChange,
        model: String,
        wait: Bool
    ) async throws -> (alias: V1.Alias, signatureChanges: [String]) {
        let name = change.alias.name
        let id = AliasID(model: model, alias: name)
        await reconciler.askedAgain(
            for: VersionID(model: model, version: change.alias.targetVersion)
        )
        guard wait else {
            await reconciler.aliasChanged(id)
            return (V1.Alias(change.alias), [])
        }
        let end = await reconciler.waitForMove(id, generation: change.alias.generation)
        switch end?.outcome {
        case .served, nil:
            return (try await message(alias: name, of: model), end?.signatureChanges ?? [])
        case .rejected(let reason):
            throw Status(
                .failedPrecondition,
                "alias \(quoted(name)) of model \(quoted(model)) was not moved to version "
                    + "\(change.alias.targetVersion): \(reason)"
            )
        case .superseded:
            throw Status(
                .aborted,
                "the move of alias \(quoted(name)) of model \(quoted(model)) to version "
                    + "\(change.alias.targetVersion) was superseded by a later one"
            )
        }
    }

    private func delete(
        _ request: V1.DeleteAliasRequest,
        _ caller: Caller
    ) async throws -> V1.DeleteAliasResponse {
        let registry = registry
        try await work.run {
            try registry.deleteAlias(
                model: request.model,
                alias: request.alias,
                expectedGeneration: request.expectedGeneration,
                principal: caller.name
            )
        }
        await reconciler.aliasChanged(AliasID(model: request.model, alias: request.alias))
        return V1.DeleteAliasResponse()
    }

    private func history(
        _ request: V1.ListAliasHistoryRequest,
        _ caller: Caller
    ) async throws -> V1.ListAliasHistoryResponse {
        let registry = registry
        let limit = try Page.size(request.pageSize)
        let before = request.beforeGeneration == 0 ? nil : request.beforeGeneration
        let moves = try await work.run {
            try registry.aliasHistory(
                model: request.model,
                alias: AliasName.orLive(request.alias),
                before: before,
                limit: limit
            )
        }
        return V1.ListAliasHistoryResponse(moves: Page.fitting(moves.map(V1.AliasMove.init)))
    }

    private func deleteVersion(
        _ request: V1.DeleteVersionRequest,
        _ caller: Caller
    ) async throws -> V1.DeleteVersionResponse {
        let registry = registry
        try await work.run {
            try registry.deleteVersion(
                model: request.model,
                version: request.version,
                principal: caller.name
            )
        }
        await reconciler.versionDeleted(
            VersionID(model: request.model, version: request.version)
        )
        return V1.DeleteVersionResponse()
    }

    private func validate(
        _ request: V1.ValidateVersionRequest,
        _ caller: Caller
    ) async throws -> V1.ValidateVersionResponse {
        let registry = registry
        let id = VersionID(model: request.model, version: request.version)
        _ = try await work.run { try registry.version(model: id.model, version: id.version) }
        await reconciler.askedAgain(for: id)
        let validation = try await reconciler.validateAgain(
            id,
            principal: caller.name,
            waits: request.waitReady
        )
        if case .kept(let reason, let aliases)? = validation {
            throw Status(
                .failedPrecondition,
                "model '\(id.model)', version \(id.version) failed its validation and was left "
                    + "as it is, since aliases point to it: \(aliases.joined(separator: ", ")): "
                    + reason
            )
        }
        let after = try await work.run {
            try registry.version(model: id.model, version: id.version)
        }
        return V1.ValidateVersionResponse(
            version: await message(after, isUnsettled: validation == nil)
        )
    }
}
