internal import Sealing
internal import Text

extension StoredVersion {
    /// The record of a version: its signature is checked over the stored bytes before they are
    /// read, and the columns have to say what it says.
    ///
    /// - Throws: `dataLoss` that names the version.
    func verified(registryID: [UInt8], key: VerifyingKey) throws -> VersionRecord {
        let place = "model \(quoted(info.model)), version \(info.version)"
        guard key.verify(signature: signature, over: record) else {
            throw RegistryError(.dataLoss, "\(place): its record's signature does not hold")
        }
        let verified: VersionRecord
        do {
            verified = try VersionRecord(verified: record)
        } catch let error as RegistryError {
            throw RegistryError(
                error.code,
                "\(place): \(error.message)",
                detail: error.detail
            )
        }
        guard verified.registryID == registryID, verified.model == info.model,
            verified.version == info.version, verified.bundleID == bundleID,
            verified.createdBy == info.createdBy, verified.createdUnixMs == info.createdUnixMs,
            verified.metadata == info.metadata, info.recordSHA256 == Digest.sha256(record)
        else {
            throw RegistryError(.dataLoss, "\(place): its record is another version's")
        }
        return verified
    }
}
