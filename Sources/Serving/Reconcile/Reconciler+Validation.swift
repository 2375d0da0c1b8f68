internal import Logging
internal import Registry

/// Validations: versions that are tried, and whose verdict the registry keeps.
///
/// One validation of a version runs at a time; a caller that asks for another joins it. A failure
/// that may pass, such as want of memory, gives no verdict: the version is tried again.
extension Reconciler {
    /// Versions that callers may have validated again at once.
    package static let maxValidationsAgain = 64
    /// When a caller that is refused for them may come again: most take less.
    private static var validationRetryNs: UInt64 { 5_000_000_000 }

    /// Validates a version that was committed without an alias, and waits for the verdict.
    ///
    /// - Parameter principal: The caller that asked, for the audit log.
    /// - Returns: nil when the server is about to end, or the caller's task is cancelled, before.
    /// - Throws: ``ServingError`` when there is no verdict to be had: the version is damaged, or
    ///   deleted.
    package func validate(
        _ id: VersionID,
        principal: String
    ) async throws(ServingError) -> Validation? {
        validateInBackground(id, principal: principal)
        return try await waitForValidation(id)?.get()
    }

    /// As ``validate(_:principal:)``, for a caller that does not wait.
    package func validateInBackground(_ id: VersionID, principal: String) {
        guard !isEnding, validations[id] == nil else { return }
        let task = Task { await self.runValidation(id, principal: principal) }
        validations[id] = RunningValidation(task: task)
    }

    /// Validates a version that may have been validated before.
    ///
    /// - Parameter waits: Whether the verdict is waited for.
    /// - Returns: nil without one: the caller does not wait, or as for ``validate(_:principal:)``.
    /// - Throws: As for ``validate(_:principal:)``; `resourceExhausted` before anything is done if
    ///   ``maxValidationsAgain`` others are under way.
    package func validateAgain(
        _ id: VersionID,
        principal: String,
        waits: Bool
    ) async throws(ServingError) -> Validation? {
        guard validations[id] != nil || validations.count < Self.maxValidationsAgain else {
            throw .exhausted(
                "\(validations.count) validations are under way, at most "
                    + "\(Self.maxValidationsAgain) are taken; try again later",
                retryAfterNs: Self.validationRetryNs
            )
        }
        guard waits else {
            validateInBackground(id, principal: principal)
            return nil
        }
        return try await validate(id, principal: principal)
    }

    // MARK: - Waiting callers

    private func waitForValidation(_ id: VersionID) async -> RunningValidation.Verdict? {
        let ticket = takeTicket()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !isEnding, !Task.isCancelled, validations[id] != nil else {
                    return continuation.resume(returning: nil)
                }
                validations[id]?.waiters.append(
                    RunningValidation.Waiter(ticket: ticket, continuation: continuation)
                )
            }
        } onCancel: {
            // Runs behind the body above: on the actor, which that does not leave before it waits.
            Task { await self.resolveValidation(id, as: nil) { $0.ticket == ticket } }
        }
    }

    /// Answers the waiting callers that `belongs` picks.
    func resolveValidation(
        _ id: VersionID,
        as verdict: RunningValidation.Verdict?,
        where belongs: (RunningValidation.Waiter) -> Bool
    ) {
        let done = validations[id]?.takeWaiters(where: belongs) ?? []
        for waiter in done { waiter.continuation.resume(returning: verdict) }
    }

    // MARK: - The validation

    private func runValidation(_ id: VersionID, principal: String) async {
        let verdict = await verdict(on: id, principal: principal)
        resolveValidation(id, as: verdict) { _ in true }
        validations[id] = nil
    }

    /// Tries a version until there is a verdict.
    /// - Returns: nil when the server stops before.
    private func verdict(
        on id: VersionID,
        principal: String
    ) async -> RunningValidation.Verdict? {
        var failures = 0
        while !isStopping {
            switch await tryAgain(id, for: principal) {
            case .success:
                return await record(.passed, on: id, principal: principal)
            case .failure(.rejected(let reason, _)):
                return await record(.failed(reason: reason), on: id, principal: principal)
            case .failure(let failure):
                let error = failure.servingError(id)
                var metadata = Self.metadata(id)
                metadata["error"] = "\(error)"
                logger.warning("a version could not be validated", metadata: metadata)
                guard failure.mayPass else { return .failure(error) }
            }
            failures += 1
            let pause = limits.retryPause(afterFailures: failures)
            guard (try? await Task.sleep(for: pause)) != nil else { return nil }
        }
        return nil
    }

    private func tryAgain(
        _ id: VersionID,
        for principal: String
    ) async -> Result<Void, Loader.Failure> {
        loaded.beginValidation(id)
        defer {
            loaded.endValidation(id)
            sweep()
        }
        guard loaded.slot(id) != nil else {
            return await load(id, for: principal, isValidation: true).value.map { _ in }
        }
        return await examineAgain(id, for: principal)
    }

    private func record(
        _ verdict: ValidationVerdict,
        on id: VersionID,
        principal: String
    ) async -> RunningValidation.Verdict {
        let registry = registry
        let effect: ValidationEffect
        do {
            effect = try await control.run {
                try registry.settleValidation(
                    model: id.model,
                    version: id.version,
                    verdict: verdict,
                    principal: principal
                )
            }
        } catch {
            return .failure(Loader.Failure(reading: error, id: id).servingError(id))
        }
        switch effect {
        case .stored: return .success(.passed)
        case .rejected(let reason): return .success(.rejected(reason: reason))
        case .kept(let reason, let aliases):
            var metadata = Self.metadata(id)
            metadata["reason"] = "\(reason)"
            metadata["aliases"] = "\(aliases.joined(separator: ", "))"
            logger.error(
                "a version failed its validation and was left as it is: aliases point to it",
                metadata: metadata
            )
            return .success(.kept(reason: reason, aliases: aliases))
        }
    }
}
