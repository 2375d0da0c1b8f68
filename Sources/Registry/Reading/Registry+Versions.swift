internal import Sealing
package import Text

extension Registry {
    /// Whether a version of a model was ever committed.
    package func modelExists(_ model: String) throws -> Bool {
        try metadata.read { try $0.modelExists(model) }
    }

    /// Models by name.
    ///
    /// - Parameters:
    ///   - name: The last name of the page before; `nil` from the first.
    ///   - limit: Entries wanted, cut to ``Limits/maxPageEntries``.
    ///   - visible: Which models the caller may know of.
    package func models(
        after name: String?,
        limit: Int,
        where visible: (String) -> Bool
    ) throws -> [ModelInfo] {
        let limit = Limits.page(limit)
        return try metadata.read { transaction in
            var names: [String] = []
            try transaction.models(after: name ?? "") { model in
                if visible(model) { names.append(model) }
                return names.count < limit
            }
            return try names.map { model in
                ModelInfo(
                    name: model,
                    latestVersion: try transaction.latestVersion(model: model),
                    aliases: try transaction.aliases(model: model)
                )
            }
        }
    }

    /// The versions of a model, newest first, deleted ones too.
    ///
    /// - Parameters:
    ///   - version: The last version of the page before; `nil` from the newest.
    ///   - limit: Entries wanted, cut to ``Limits/maxPageEntries``.
    /// - Throws: `notFound` for no such model.
    package func versions(
        model: String,
        before version: UInt64?,
        limit: Int
    ) throws -> [VersionInfo] {
        try metadata.read { transaction in
            guard try transaction.modelExists(model) else { throw Registry.noModel(model) }
            return try transaction.versionInfos(
                model: model,
                before: min(version ?? .max, UInt64(Int64.max)),
                limit: Limits.page(limit)
            )
        }
    }

    /// One version.
    ///
    /// - Throws: `notFound` for no such version; for a deleted one too, unless it is asked for.
    package func version(
        model: String,
        version: UInt64,
        includingDeleted: Bool = false
    ) throws -> VersionInfo {
        let info = try metadata.read { transaction in
            try transaction.versionInfo(model: model, version: version)
        }
        // Whether a version may be loaded is for the log to say, and not for its row.
        let state = try confirmed(
            { try $0.state(model: model, version: version)?.state },
            { $0.state(model: model, version: version) },
            fault: RegistryFault(model: model, version: version)
        )
        guard let info, let state, includingDeleted || state != .deleted else {
            throw Registry.noVersion(model, version)
        }
        return info.with(state)
    }

    /// The files of a version, sorted by path, as its verified record states them.
    ///
    /// - Throws: `notFound`, also for a deleted version; `dataLoss` for a damaged record.
    package func files(model: String, version: UInt64) throws -> [FileInfo] {
        let stored = try storedVersion(model: model, version: version)
        return try verified(stored).files.map { file in
            FileInfo(path: file.path, size: file.size, sha256: file.sha256)
        }
    }

    /// A version's record, byte for byte as it was signed, with its Ed25519 signature. It is not
    /// checked here: whoever asks for it checks it.
    ///
    /// - Throws: `notFound`, also for a deleted version unless it is asked for.
    package func record(
        model: String,
        version: UInt64,
        includingDeleted: Bool = false
    ) throws -> (record: [UInt8], signature: [UInt8]) {
        let stored = try storedVersion(
            model: model,
            version: version,
            includingDeleted: includingDeleted
        )
        return (stored.record, stored.signature)
    }

    /// A version's card, of a deleted version too.
    ///
    /// - Throws: `notFound`; `dataLoss` if the card is not the one that was signed.
    package func card(model: String, version: UInt64) throws -> Card {
        let stored = try storedVersion(model: model, version: version, includingDeleted: true)
        return try card(of: stored, try verified(stored))
    }

    /// Reads a part of a file of a version.
    ///
    /// - Parameters:
    ///   - offset: The first byte; at most the file's size.
    ///   - length: Bytes wanted, 0 to ``Limits/maxReadBytes``; fewer come at the end.
    /// - Throws: `notFound`, `outOfRange` past the end, `invalidArgument` for a length that is
    ///   too large, `dataLoss` for bytes that are not the ones that were signed.
    package func readFile(
        model: String,
        version: UInt64,
        path: ExactString,
        offset: UInt64,
        length: Int
    ) throws -> [UInt8] {
        guard (0...Limits.maxReadBytes).contains(length) else {
            throw RegistryError(
                .invalidArgument,
                "length \(length), expected 0 to \(Limits.maxReadBytes)"
            )
        }
        // Asked each time: a version may have been deleted since it was opened.
        _ = try self.version(model: model, version: version)
        if let opened = openedVersions.find(model: model, version: version) {
            return try opened.read(path, offset: offset, length: length)
        }
        let opened = try open(model: model, version: version)
        openedVersions.keep(opened)
        return try opened.read(path, offset: offset, length: length)
    }

    static func noModel(_ model: String) -> RegistryError {
        RegistryError(.notFound, "model \(quoted(model)) does not exist")
    }

    static func noVersion(_ model: String, _ version: UInt64) -> RegistryError {
        RegistryError(.notFound, "model \(quoted(model)) has no version \(version)")
    }

    static func noAlias(_ model: String, _ alias: String) -> RegistryError {
        RegistryError(.notFound, "model \(quoted(model)) has no alias \(quoted(alias))")
    }
}

extension Limits {
    /// A page's length as it is asked for, brought into the allowed range.
    static func page(_ limit: Int) -> Int {
        min(max(limit, 1), maxPageEntries)
    }
}
