internal import Text
package import Wire

extension StrongroomClient {
    /// The result of a publication.
    public struct Publication: Sendable {
        /// The version's number.
        public let version: UInt64
        /// Why the server rejected the version; nil: it may serve.
        public let rejection: String?
        /// Why the alias was not moved to a version that may serve; nil: it was, its move is
        /// pending, or none was asked for.
        public let refusal: String?
        /// Whether the alias's move has not ended: the server was about to stop.
        public let isPending: Bool
        /// The differences of the signature that break callers of the version before.
        public let signatureChanges: [String]
    }

    /// Publishes a bundle, and moves an alias to it when it is ready.
    ///
    /// A publication that was cut goes on where it stopped when it is asked for again: the same
    /// bundle with the same metadata has the same idempotency key unless one is given. A version
    /// that was rejected before is validated again.
    /// - Parameters:
    ///   - alias: nil moves none.
    ///   - metadata: keys and values; keys are compared by their UTF-8 bytes, and none may be there
    ///     twice.
    ///   - allowSignatureChange: Whether the alias moves even if the new signature breaks present
    ///     callers.
    ///   - force: Whether the alias moves even if every warm-up run of the version failed.
    ///   - progress: Told the bytes that the server holds, and the bytes in all.
    /// - Throws: ``StrongroomError``.
    public func publish(
        model: String,
        bundle: ModelBundle,
        alias: String? = "live",
        metadata: some Sequence<(key: String, value: String)> = [String: String](),
        idempotencyKey: String? = nil,
        allowSignatureChange: Bool = false,
        force: Bool = false,
        progress: @Sendable (_ held: UInt64, _ total: UInt64) -> Void = { _, _ in }
    ) async throws -> Publication {
        var pairs: [ExactString: ExactString] = [:]
        for (key, value) in metadata {
            let before = pairs.updateValue(ExactString(value), forKey: ExactString(key))
            guard before == nil else {
                throw StrongroomError(.invalidArgument, "metadata \(quoted(key)) is given twice")
            }
        }
        let published = try await publish(
            bundle,
            as: model,
            PublishOptions(
                alias: alias,
                metadata: pairs,
                idempotencyKey: idempotencyKey,
                allowSignatureChange: allowSignatureChange,
                force: force
            ),
            progress: progress
        )
        let version = published.version
        return Publication(
            version: version.version,
            rejection: version.state == .rejected ? version.reason : nil,
            refusal: published.refusal,
            isPending: published.isPending,
            signatureChanges: published.signatureChanges
        )
    }

    /// As ``publish(model:bundle:alias:metadata:idempotencyKey:allowSignatureChange:force:progress:)``,
    /// with the contract's own answer.
    ///
    /// - Parameter retrying: Told of a version that was rejected before, and is validated again.
    package func publish(
        _ bundle: ModelBundle,
        as model: String,
        _ options: PublishOptions,
        retrying: (V1.Version) -> Void = { _ in },
        progress: @Sendable (_ held: UInt64, _ total: UInt64) -> Void
    ) async throws -> Published {
        let begun: V1.BeginPublishResponse = try await call(
            "Registry",
            "BeginPublish",
            V1.BeginPublishRequest(
                model: model,
                files: bundle.files.map {
                    V1.File(path: ExactString($0.path), size: $0.size, sha256: $0.sha256)
                },
                metadata: options.metadata,
                idempotencyKey: options.idempotencyKey ?? bundle.digest(metadata: options.metadata)
            )
        )
        guard begun.version == 0 else {
            return try await adopt(begun.version, model: model, options, retrying)
        }
        try await upload(bundle, begun: begun, progress: progress)
        let committed: V1.CommitPublishResponse = try await call(
            "Registry",
            "CommitPublish",
            V1.CommitPublishRequest(
                uploadID: begun.uploadID,
                alias: options.alias ?? "",
                waitReady: options.wait,
                allowSignatureChange: options.allowSignatureChange,
                force: options.force
            ),
            timeout: Timeouts.load
        )
        guard let version = committed.version else {
            throw StrongroomError(.internalError, "the server's answer has no version")
        }
        return try await published(version, options, committed.signatureChanges)
    }

    /// The outcome for a committed version and its alias. Nothing more is asked where the answer says
    /// it: a server that is about to end takes no further call.
    private func published(
        _ version: V1.Version,
        _ options: PublishOptions,
        _ signatureChanges: [String] = []
    ) async throws -> Published {
        var published = Published(version: version, signatureChanges: signatureChanges)
        guard let alias = options.alias, version.state == .stored else { return published }
        if version.aliases.contains(alias) {
            published.isPending = version.isBeingTried
        } else {
            let failure = try await self.alias(alias, of: version.model)?.failure ?? ""
            published.refusal = failure.isEmpty ? "a later move took its place" : failure
        }
        return published
    }

    /// The key became a version before: that may have to be validated, and the alias to be moved.
    private func adopt(
        _ number: UInt64,
        model: String,
        _ options: PublishOptions,
        _ retrying: (V1.Version) -> Void
    ) async throws -> Published {
        var version = try await version(number, of: model)
        if version.state == .rejected {
            retrying(version)
            version = try await validate(number, of: model, wait: options.wait)
        }
        guard let alias = options.alias, version.state == .stored else {
            return Published(version: version)
        }
        if version.aliases.contains(alias), !options.wait || version.isReady {
            return try await published(version, options)
        }
        do {
            let moved = try await move(alias, to: number, of: model, options)
            version.aliases = Set(version.aliases).union([alias]).sorted()
            return Published(
                version: version,
                isPending: moved.alias?.version != number,
                signatureChanges: moved.signatureChanges
            )
        } catch let error as StrongroomError where error.code == "FAILED_PRECONDITION" {
            // The version was rejected, or the move refused: the server shows which.
            let version = try await self.version(number, of: model)
            guard version.state == .rejected || !version.aliases.contains(alias) else {
                throw error
            }
            return try await published(version, options)
        }
    }

    private func move(
        _ alias: String,
        to version: UInt64,
        of model: String,
        _ options: PublishOptions
    ) async throws -> V1.SetAliasResponse {
        try await call(
            "Registry",
            "SetAlias",
            V1.SetAliasRequest(
                model: model,
                alias: alias,
                version: version,
                waitReady: options.wait,
                allowSignatureChange: options.allowSignatureChange,
                force: options.force
            ),
            timeout: Timeouts.load
        )
    }

    private func version(_ number: UInt64, of model: String) async throws -> V1.Version {
        let response: V1.GetVersionResponse = try await call(
            "Registry",
            "GetVersion",
            V1.GetVersionRequest(model: model, version: number, pageSize: 1)
        )
        guard let version = response.version else {
            throw StrongroomError(.internalError, "the server's answer has no version")
        }
        return version
    }
}
