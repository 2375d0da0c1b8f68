internal import ArgumentParser
internal import JSON
internal import Registry
internal import Server
internal import Text

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a backup in the place of a home's store, or accept a store as it is."
    )

    @Argument(help: "The backup's folder; none: --accept is for the store as it lies there.")
    var folder: String?

    @Flag(help: "Accept a state that is older than what was seen, on record.")
    var accept = false

    @Option(help: ArgumentHelp("Why it is accepted: goes to the audit log.", valueName: "text"))
    var reason: String?

    @Flag(help: "Migrate a backup of a former registry format to the present one.")
    var migrate = false

    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if folder == "" { throw ValidationError("the backup's folder is empty") }
        guard folder != nil || accept else {
            throw ValidationError("expected a backup's folder, or --accept")
        }
        guard folder != nil || !migrate else {
            throw ValidationError("--migrate is for a backup: expected its folder")
        }
        guard accept == (reason != nil) else {
            throw ValidationError("--accept and --reason TEXT are given together or not at all")
        }
    }

    func run() async throws {
        let home = home.value
        if folder == nil {
            try home.require()
        } else if Files.access(home.path) != .readable {
            throw ServerError(
                "there is no home at \(home.path), or it may not be read",
                hint: "make the folder, and bring its keys back: a backup holds none"
            )
        }
        let configuration = try await ServerConfiguration.load(
            file: home.configuration,
            flags: [:],
            environment: Environment.all
        )
        let restore = try HomeRestore(home: home, keys: configuration.keys)
        guard let folder else {
            let accepted = try restore.accept(reason ?? "")
            output.write(Self.json(accepted)) {
                accepted?.text ?? "nothing to accept: the store is the newest that was seen"
            }
            return
        }
        let bar = ProgressBar(label: "restoring")
        defer { bar.finish() }
        let report = try restore.restore(
            from: HomeOptions.absolute(folder),
            accepting: reason,
            migrating: migrate,
            progress: bar.update
        )
        bar.finish()
        output.write(report.json.merging(Self.json(report.accepted))) {
            let missing = [home.configuration, home.access].filter { !Files.exists($0) }
            return report.text
                + missing.map { "\n\($0) is missing: the backup has a copy" }.joined()
        }
    }

    private static func json(_ accepted: Acceptance.Accepted?) -> JSONValue {
        guard let accepted else { return .object(["accepted": .bool(false)]) }
        return .object([
            "accepted": .bool(true), "seen": .number(accepted.seen ?? 0),
            "found": .number(accepted.found), "sequence": .number(accepted.sequence),
        ])
    }
}

extension RegistryRestore.Report {
    fileprivate var json: JSONValue {
        .object([
            "registry": .bytes(registryID), "sequence": .number(sequence),
            "created_unix_ms": .number(createdUnixMs), "versions": .number(versions),
            "blobs": .number(blobs), "bytes": .number(bytes),
            "old_store": .string(oldStore ?? ""),
            "migrated_from": .number(UInt64(migration?.from ?? 0)),
        ])
    }

    fileprivate var text: String {
        var lines = [
            "restored sequence \(accepted?.found ?? sequence) of "
                + "\(Moment.text(unixMs: createdUnixMs)): versions \(versions), sealed files "
                + "\(blobs), \(ByteCount.text(bytes))"
        ]
        if let migration { lines.append(migration.description) }
        if let accepted { lines.append(accepted.text) }
        if let oldStore { lines.append("the old store is kept: \(oldStore)") }
        return lines.joined(separator: "\n")
    }
}

extension Acceptance.Accepted {
    fileprivate var text: String {
        let before =
            seen.map { "sequence \($0) had been seen and \(found) was found" }
            ?? "what had been seen is not known and sequence \(found) was found"
        return """
            accepted: \(before); it goes on from \(sequence)
            what was done after that is not in it and cannot be listed from here: versions \
            published then are gone and their numbers are given again, versions deleted then are \
            back, aliases and their histories are as they were
            """
    }
}
