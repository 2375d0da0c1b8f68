internal import Sealing
internal import Synchronization
internal import Text

extension Registry {
    /// Brings every wrapped key under the newest key-encryption key.
    ///
    /// Where nothing counts on an older key, a new one is added first; otherwise an earlier
    /// rotation was cut short, and goes on. Each key is wrapped anew in a transaction of its own,
    /// only if its row is still the one that was read; a row that does not unwrap is passed over.
    /// What nothing counts on any more is put aside, unless something failed. The server serves
    /// and takes publishes meanwhile.
    ///
    /// - Parameter signingKeyFolder: Where the signing key's file is.
    /// - Throws: `failedPrecondition` where there is no other key and none can be added;
    ///   `unavailable` if the source of the keys fails before anything was changed,
    ///   `internalFailure` if it fails later; `resourceExhausted` if it has no room.
    package func rotateKeys(
        signingKeyFolder: String,
        principal: String = AuditAction.serverPrincipal
    ) throws -> KeyRotation {
        try rotating.withLock { _ in
            var isBegun = false
            do {
                return try rotate(signingKeyFolder, principal: principal, &isBegun)
            } catch let error as SealingError {
                if error.code == .notDurable { storageFault.set("\(error)") }
                let refusal = RegistryError.sealing(error, "the keys cannot be rotated")
                guard isBegun, refusal.code == .unavailable else { throw refusal }
                throw RegistryError(
                    .internalFailure,
                    "the rotation of keys was begun and not finished: ask for it again",
                    detail: refusal.detail
                )
            }
        }
    }

    /// - Parameter isBegun: Set when the first change is durable.
    private func rotate(
        _ folder: String,
        principal: String,
        _ isBegun: inout Bool
    ) throws -> KeyRotation {
        try storageFault.check()
        if try keysCountedOn(folder).isSubset(of: [keys.currentKeyID]) {
            try steps.reach(.keyAdd)
            guard try keys.addKey() else {
                throw RegistryError(
                    .failedPrecondition,
                    "there is no other key to rotate to: a \(keys.kind) source takes none from "
                        + "here; set the new key and keep the present one as the previous, "
                        + "restart, and rotate again"
                )
            }
            isBegun = true
        }
        // Whoever begins an upload looks at the current key inside the transaction that stores its
        // own. Those that saw the key before have ended when this one begins.
        try metadata.write { _ in }
        var rotation = KeyRotation(currentKey: keys.currentKeyID)
        try rewrapRows(&rotation, &isBegun)
        try rewrapSigningKey(folder, &rotation)
        if rotation.failures.isEmpty {
            let needed = try keysCountedOn(folder)
            for id in keys.keyIDs where id != keys.currentKeyID && !needed.contains(id) {
                try steps.reach(.keyRetire)
                try keys.retireKey(id)
                rotation.retiredKeys.append(id)
            }
        }
        let done = rotation
        try change { change in
            try change.log(
                AuditAction.keyRotate,
                principal: principal,
                model: "",
                detail: "\(done.rewrapped) keys wrapped anew, \(done.failures.count) failed, "
                    + "\(done.retiredKeys.count) retired"
            )
        }
        return done
    }

    private func keysCountedOn(_ folder: String) throws -> Set<String> {
        let rows = try metadata.read { try $0.keyCounts() }.keys
        return Set(rows).union([try SigningKeyFile.kekID(folder: folder, calls: layout.files)])
    }

    private func rewrapRows(_ rotation: inout KeyRotation, _ isBegun: inout Bool) throws {
        let current = keys.currentKeyID
        var last: [UInt8] = []
        while true {
            let bundle = last
            let page = try metadata.read { transaction in
                try transaction.keys(notUnder: current, after: bundle, limit: Limits.keyPage)
            }
            guard let end = page.last else { return }
            for row in page {
                do {
                    guard try rewrap(row) else { continue }
                    rotation.rewrapped += 1
                    isBegun = true
                } catch let error as SealingError where error.code != .keyAccess {
                    guard rotation.failures.count < Limits.maxNamedFindings else { continue }
                    rotation.failures.append(try place(of: row) + " does not unwrap")
                }
            }
            last = end.bundleID
        }
    }

    private func rewrap(_ row: StoredKey) throws -> Bool {
        let context = WrapContext(
            registryID: registryID,
            model: row.model,
            bundleID: row.bundleID
        )
        let wrapped = try keys.wrap(
            try keys.unwrap(row.wrapped, context: context),
            context: context
        )
        return try metadata.write { transaction in
            try steps.reach(.keyRow)
            return try transaction.replace(row, with: wrapped)
        }
    }

    private func rewrapSigningKey(_ folder: String, _ rotation: inout KeyRotation) throws {
        guard try SigningKeyFile.kekID(folder: folder, calls: layout.files) != keys.currentKeyID
        else { return }
        try steps.reach(.keyRow)
        try SigningKeyFile.rewrap(
            folder: folder,
            provider: keys,
            registryID: registryID,
            calls: layout.files
        )
        rotation.rewrapped += 1
    }

    /// What a wrapped key belongs to, in words for whoever may rotate.
    private func place(of row: StoredKey) throws -> String {
        if row.bundleID == registryID { return "the registry's own key" }
        let stored = try? metadata.read { try $0.version(bundleID: row.bundleID) }
        guard let info = stored?.info else { return "the key of an upload to \(quoted(row.model))" }
        return "the data key of model \(quoted(info.model)), version \(info.version)"
    }
}
