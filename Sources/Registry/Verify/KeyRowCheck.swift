internal import Sealing

/// Checks the row of one wrapped key: that it is there, belongs to what it lies beside, has its
/// form, and unwraps.
struct KeyRowCheck {
    let object: String
    /// Empty for the registry's own key.
    let model: String
    let bundleID: [UInt8]
    let registryID: [UInt8]
    let keys: KeyRing
    let findings: Findings

    /// - Parameter isWanted: False: it must not be there, since its version was deleted.
    /// - Returns: The key; nil if it does not unwrap, or there are no keys.
    func run(_ row: CheckedRow?, isWanted: Bool = true) -> SecretKey? {
        guard isWanted else {
            if row != nil {
                fault("wrapped key", "is there, and the version is deleted")
            }
            return nil
        }
        guard let row else {
            fault("wrapped key", "is missing: there is no row of this bundle's id")
            return nil
        }
        if let stated = text(row, "model"), stated != model {
            fault("wrapped key model", "'\(stated)', expected '\(model)'")
        }
        guard let kekID = text(row, "kek_id"), let algorithm = text(row, "algorithm"),
            let parts = parts(row, isLocal: algorithm == WrappedKey.localAlgorithm)
        else { return nil }
        let wrapped = WrappedKey(
            kekID: kekID,
            algorithm: algorithm,
            salt: parts[0],
            nonce: parts[1],
            ciphertext: parts[2],
            tag: parts[3]
        )
        let context = WrapContext(registryID: registryID, model: model, bundleID: bundleID)
        do {
            return try keys.unwrap(wrapped, context: context)
        } catch {
            report(error, algorithm: algorithm)
            return nil
        }
    }

    private func report(_ error: SealingError, algorithm: String) {
        switch error.code {
        case .keyMissing: fault("wrapped key kek_id", error.message)
        case .format:
            fault(
                algorithm == WrappedKey.localAlgorithm ? "wrapped key" : "wrapped key algorithm",
                error.message
            )
        case .authentication:
            fault(
                "wrapped key tag",
                "does not hold: salt, nonce, ciphertext or tag is altered, or another's"
            )
        case .keyAccess, .randomness, .limit, .notDurable, .internalFailure:
            fault("wrapped key", error.message)
        }
    }

    private func text(_ row: CheckedRow, _ column: String) -> String? {
        do {
            return try row.text(column)
        } catch {
            fault("wrapped key \(column)", error.problem)
            return nil
        }
    }

    /// Salt, nonce, ciphertext and tag; each that is wrong is reported.
    private func parts(_ row: CheckedRow, isLocal: Bool) -> [[UInt8]]? {
        let sizes = [
            ("salt", SealingLimits.saltBytes), ("nonce", Limits.nonceBytes),
            ("ciphertext", SealingLimits.keyBytes), ("tag", Limits.tagBytes),
        ]
        var parts: [[UInt8]] = []
        for (column, byteCount) in sizes {
            do {
                parts.append(try row.hex(column, byteCount: isLocal ? byteCount : nil))
            } catch {
                fault("wrapped key \(column)", error.problem)
            }
        }
        return parts.count == sizes.count ? parts : nil
    }

    private func fault(_ field: String, _ problem: String) {
        findings.fault(object, field, problem)
    }
}
