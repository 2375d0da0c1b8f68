internal import Sealing
internal import Text

extension Registry {
    /// Verifies a version and makes it readable: the record's signature, the card, and the
    /// wrapped key. The files are verified as they are read. A rejected version can be opened:
    /// an alias that answers with it keeps it.
    ///
    /// - Throws: `notFound`, also for a deleted version; `dataLoss` for a damaged record, card or
    ///   wrapped key; `unavailable` if the key that wraps it is missing.
    package func open(model: String, version: UInt64) throws -> OpenedVersion {
        let (stored, wrapped) = try metadata.read { transaction in
            let stored = try Registry.version(transaction, model: model, version: version)
            return (stored, try transaction.wrappedKey(bundleID: stored.bundleID))
        }
        let record = try verified(stored)
        let place = "model \(quoted(model)), version \(version)"
        guard let wrapped else {
            throw RegistryError(.dataLoss, "\(place): its data key is missing")
        }
        let key: SecretKey
        do {
            key = try dataKey(wrapped, model: model, bundleID: record.bundleID)
        } catch let error as SealingError {
            throw RegistryError.sealing(error, "\(place): its data key does not unwrap")
        }
        let cardText = try cardText(of: stored, record)
        let opened = OpenedVersion(
            info: stored.info,
            card: try Card.parse(cardText, paths: record.files.map(\.path)),
            cardText: cardText,
            record: record,
            dataKey: key,
            blobs: blobs,
            leases: leases,
            hashed: hashed
        )
        // Asked again now that its blobs are leased: a version that was deleted before may have
        // been collected, and one that is deleted from now on is not.
        _ = try self.version(model: model, version: version)
        return opened
    }

    /// The aliases of all models, for whoever has to load what they point to: those of the signed
    /// head, whatever the table says.
    package func allAliases() throws -> [(model: String, alias: AliasInfo)] {
        let told = told
        return told.aliases.keys.sorted().compactMap { name in
            told.alias(name).map { (name.model, $0) }
        }
    }

    /// All that is stored of a version.
    func storedVersion(
        model: String,
        version: UInt64,
        includingDeleted: Bool = false
    ) throws -> StoredVersion {
        try metadata.read { transaction in
            try Registry.version(
                transaction,
                model: model,
                version: version,
                includingDeleted: includingDeleted
            )
        }
    }

    private static func version(
        _ transaction: MetadataTransaction,
        model: String,
        version: UInt64,
        includingDeleted: Bool = false
    ) throws -> StoredVersion {
        let stored: StoredVersion?
        do {
            stored = try transaction.version(model: model, version: version)
        } catch let error as RegistryError {
            throw RegistryError(
                error.code,
                "model \(quoted(model)), version \(version): \(error.message)",
                detail: error.detail
            )
        }
        guard let stored, includingDeleted || stored.info.state != .deleted else {
            throw noVersion(model, version)
        }
        return stored
    }

    /// The record of a version, checked as ``StoredVersion/verified(registryID:key:)`` does.
    func verified(_ stored: StoredVersion) throws -> VersionRecord {
        try stored.verified(registryID: registryID, key: signing.publicKey)
    }

    /// A version's card, opened with the registry's own key.
    func card(of stored: StoredVersion, _ record: VersionRecord) throws -> Card {
        try Card.parse(cardText(of: stored, record), paths: record.files.map(\.path))
    }

    private func cardText(of stored: StoredVersion, _ record: VersionRecord) throws -> [UInt8] {
        let place = "model \(quoted(record.model)), version \(record.version)"
        let bytes: [UInt8]
        do {
            let context = cardContext(model: record.model, bundleID: record.bundleID)
            let opener = try BlobOpener(
                header: Array(stored.sealedCard.prefix(BlobLayout.headerBytes)),
                key: cardKey,
                context: context
            )
            bytes = try opener.open(whole: stored.sealedCard).copyBytes()
        } catch {
            throw RegistryError.sealing(error, "\(place): its card does not open")
        }
        guard Digest.sha256(bytes) == record.cardSHA256 else {
            throw RegistryError(.dataLoss, "\(place): its card is not the one that was signed")
        }
        return bytes
    }

    /// Seals a card under the registry's own key.
    func sealCard(_ card: [UInt8], model: String, bundleID: [UInt8]) throws -> [UInt8] {
        do {
            let sealer = try BlobSealer(
                key: cardKey,
                context: cardContext(model: model, bundleID: bundleID),
                plaintextBytes: UInt64(card.count),
                chunkLog2: Limits.cardChunkLog2
            )
            return sealer.header + (try sealer.seal(card))
        } catch {
            throw RegistryError.sealing(error, "the card cannot be sealed")
        }
    }

    private func cardContext(model: String, bundleID: [UInt8]) -> BlobContext {
        BlobContext(registryID: registryID, model: model, bundleID: bundleID, path: Card.path)
    }
}
