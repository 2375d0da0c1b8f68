package import Wire

extension StrongroomClient {
    /// Validates a version again: loads it, runs its golden requests, and stores the verdict.
    /// - Returns: Why the version is rejected; nil: it may serve.
    /// - Throws: ``StrongroomError``: `FAILED_PRECONDITION` when a stored version failed and was
    ///   left as it is, since an alias points to it; `UNKNOWN` when the server was about to stop
    ///   before there was a verdict.
    public func validate(_ version: UInt64, of model: String) async throws -> String? {
        let validated = try await validate(version, of: model, wait: true)
        guard !validated.isBeingTried else {
            throw StrongroomError(
                .unknown,
                "the server stops, and version \(version) of model \(model) has no verdict yet"
            )
        }
        return validated.state == .rejected ? validated.reason : nil
    }

    /// As ``validate(_:of:)``, with the contract's own answer.
    package func validate(
        _ version: UInt64,
        of model: String,
        wait: Bool
    ) async throws -> V1.Version {
        let response: V1.ValidateVersionResponse = try await call(
            "Registry",
            "ValidateVersion",
            V1.ValidateVersionRequest(model: model, version: version, waitReady: wait),
            timeout: Timeouts.load
        )
        guard let version = response.version else {
            throw StrongroomError(.internalError, "the server's answer has no version")
        }
        return version
    }
}
