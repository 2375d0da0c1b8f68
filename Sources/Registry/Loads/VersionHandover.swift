package import Sealing

/// What another process of this machine needs to read one version: what was signed of it, where
/// its sealed files lie, and the one key that opens them.
package struct VersionHandover: Sendable {
    /// The version's record, whose signature was verified.
    package let record: [UInt8]
    /// Its card.
    package let card: [UInt8]
    /// The folder of sealed files.
    package let blobs: String
    /// Opens its files and nothing else.
    package let dataKey: SecretKey

    /// Puts together what came from the process that has the registry open.
    package init(record: [UInt8], card: [UInt8], blobs: String, dataKey: SecretKey) {
        self.record = record
        self.card = card
        self.blobs = blobs
        self.dataKey = dataKey
    }
}

extension Registry {
    /// What another process needs to read a version. Keep the version for as long as it does: its
    /// files may be collected afterwards.
    package func handover(of version: OpenedVersion) -> VersionHandover {
        VersionHandover(
            record: version.record.encoded(),
            card: version.cardText,
            blobs: layout.blobsPath,
            dataKey: version.dataKey
        )
    }
}

extension OpenedVersion {
    /// A version that another process has verified and handed over. It shows as stored, whatever
    /// the registry says of it.
    ///
    /// - Throws: `dataLoss` or `invalidArgument` for what is no record or no card.
    package convenience init(_ handover: VersionHandover) throws {
        let record = try VersionRecord(verified: handover.record)
        self.init(
            info: VersionInfo(
                model: record.model,
                version: record.version,
                createdUnixMs: record.createdUnixMs,
                createdBy: record.createdBy,
                bytes: record.files.reduce(0) { $0 + $1.size },
                recordSHA256: Digest.sha256(handover.record),
                aliases: [],
                state: .stored,
                reason: "",
                metadata: record.metadata
            ),
            card: try Card.parse(handover.card, paths: record.files.map(\.path)),
            cardText: handover.card,
            record: record,
            dataKey: handover.dataKey,
            blobs: FolderBlobs(folder: handover.blobs, files: SystemCalls()),
            leases: BlobLeases(),
            hashed: HashedBlobs()
        )
    }
}
