package import Sealing

extension Registry {
    /// Accepts a registry as it lies there, although the second place says that a newer one was
    /// seen, or is missing. All else is checked as when it is opened.
    ///
    /// What is newer and not there cannot be known from here; what was accepted, by whom and why
    /// is in the audit log from now on. A crash at any instant leaves the registry refused as
    /// before, or accepted.
    ///
    /// - Parameters:
    ///   - layout: Where it lives.
    ///   - keys: What its data keys are wrapped with.
    ///   - clock: The time of day.
    ///   - steps: For tests: called at each step.
    ///   - signing: Gives the signing key, whose own seal needs the registry's id.
    /// - Returns: `nil` if there is nothing to accept; then nothing was changed.
    /// - Throws: As when it is opened; a damaged database or head is never accepted.
    package static func accept(
        _ acceptance: Acceptance,
        layout: RegistryLayout,
        keys: any KeyProvider,
        clock: WallClock = .system,
        steps: Steps = .none,
        signing: (_ registryID: [UInt8]) throws -> SigningKey
    ) throws -> Acceptance.Accepted? {
        try layout.checkAccess()
        let lock = try StoreLock(layout)
        defer { withExtendedLifetime(lock) {} }
        let metadata = try MetadataStore.open(layout, fault: StorageFault())
        defer { try? metadata.close() }
        try FormatFile(layout).check(metadata.format)
        let check = StartCheck(metadata: metadata, keys: keys)
        let stored = try check.storedHead()
        let key = try check.signingKey(stored.registryID, from: signing)
        try check.checkHead(stored, key: key.publicKey)
        _ = try check.unwrapKeys(registryID: stored.registryID)
        let before = try check.catalogue(stored, dataVersion: nil)
        let file = SequenceFile(layout, steps: steps)
        let seen = try file.read()
        guard StartCheck.doubt(stored.sequence, seen: seen, path: file.path) != nil else {
            return nil
        }
        let accepted = try acceptance.record(
            in: metadata,
            on: before,
            seen: seen,
            signing: key,
            clock: clock,
            steps: steps
        )
        try file.write(accepted.sequence)
        try steps.reach(.answer)
        return accepted
    }
}
