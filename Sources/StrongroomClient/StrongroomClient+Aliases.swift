package import Wire

extension StrongroomClient {
    /// Moves an alias to the version that served before.
    /// - Parameter version: another version than the one before; nil: that one.
    /// - Returns: the version that answers now.
    /// - Throws: ``StrongroomError``: `FAILED_PRECONDITION` with nothing to go back to.
    public func rollback(
        model: String,
        alias: String = "live",
        to version: UInt64? = nil,
        reason: String = ""
    ) async throws -> UInt64 {
        let response = try await rollBack(
            V1.RollbackRequest(
                model: model,
                alias: alias,
                toVersion: version ?? 0,
                reason: reason
            )
        )
        return response.alias?.version ?? 0
    }

    /// As ``rollback(model:alias:to:reason:)``, with the contract's own request and answer. The
    /// generation is read first and sent along: a move that another made meanwhile is not undone.
    package func rollBack(_ request: V1.RollbackRequest) async throws -> V1.RollbackResponse {
        var request = request
        let history: V1.ListAliasHistoryResponse = try await call(
            "Registry",
            "ListAliasHistory",
            V1.ListAliasHistoryRequest(model: request.model, alias: request.alias, pageSize: 1)
        )
        request.expectedGeneration = history.moves.first?.generation ?? 0
        request.waitReady = true
        return try await call("Registry", "Rollback", request, timeout: Timeouts.load)
    }

    /// Moves an alias to a version, and waits until it answers.
    /// - Parameters:
    ///   - expectedGeneration: The generation that the alias must have; nil: any.
    ///   - allowSignatureChange: Whether the alias moves even if the version's signature breaks
    ///     present callers.
    ///   - force: Whether the alias moves even if every warm-up run of the version failed.
    /// - Returns: The differences of the signature that break callers of the version before.
    /// - Throws: ``StrongroomError``: `ABORTED` when the generation is another,
    ///   `FAILED_PRECONDITION` when the version is rejected or the move refused.
    @discardableResult
    public func setAlias(
        _ alias: String,
        of model: String,
        to version: UInt64,
        expectedGeneration: UInt64? = nil,
        allowSignatureChange: Bool = false,
        force: Bool = false
    ) async throws -> [String] {
        let response: V1.SetAliasResponse = try await call(
            "Registry",
            "SetAlias",
            V1.SetAliasRequest(
                model: model,
                alias: alias,
                version: version,
                expectedGeneration: expectedGeneration ?? 0,
                waitReady: true,
                allowSignatureChange: allowSignatureChange,
                force: force
            ),
            timeout: Timeouts.load
        )
        return response.signatureChanges
    }

    /// An alias as it is now; nil if there is none.
    package func alias(_ name: String, of model: String) async throws -> V1.Alias? {
        var token = ""
        repeat {
            let page: V1.ListModelsResponse = try await call(
                "Registry",
                "ListModels",
                V1.ListModelsRequest(pageToken: token, pageSize: Self.listPageSize)
            )
            if let found = page.models.first(where: { $0.name == model }) {
                return found.aliases.first { $0.name == name }
            }
            token = page.nextPageToken
        } while !token.isEmpty
        return nil
    }

    /// As many as a server answers at once.
    private static var listPageSize: UInt32 { 1_000 }
}
