internal import ArgumentParser
internal import JSON
internal import Registry
internal import Server
internal import Text

struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy a home's registry to a folder, without keys, while it may be served."
    )

    @Argument(help: "The backup's folder; made if it is not there. What it holds is kept.")
    var folder: String

    @Flag(help: "Also read what the backup holds already, and copy again what is damaged.")
    var verify = false

    @Flag(help: "Remove from the backup what no version of it needs any more.")
    var prune = false

    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if folder.isEmpty { throw ValidationError("the backup's folder is empty") }
    }

    func run() async throws {
        let home = home.value
        try home.require()
        let configuration = try await ServerConfiguration.load(
            file: home.configuration,
            flags: [:],
            environment: Environment.all
        )
        var options: RegistryBackup.Options = []
        if verify { options.insert(.verify) }
        if prune { options.insert(.prune) }
        let bar = ProgressBar(label: "backing up")
        defer { bar.finish() }
        let report = try HomeBackup(home: home, keys: configuration.keys)
            .run(to: HomeOptions.absolute(folder), options, progress: bar.update)
        bar.finish()
        output.write(report.json) { report.text }
    }
}

extension RegistryBackup.Report {
    fileprivate var json: JSONValue {
        .object([
            "registry": .bytes(registryID), "sequence": .number(sequence),
            "created_unix_ms": .number(createdUnixMs), "versions": .number(versions),
            "blobs": .number(blobs), "bytes": .number(bytes),
            "copied_blobs": .number(copiedBlobs), "copied_bytes": .number(copiedBytes),
            "pruned_blobs": .number(prunedBlobs),
        ])
    }

    fileprivate var text: String {
        var text = """
            backed up sequence \(sequence): versions \(versions), sealed files \(blobs), \
            \(ByteCount.text(bytes))
            copied sealed files \(copiedBlobs), \(ByteCount.text(copiedBytes))
            """
        if prunedBlobs > 0 { text += "\nremoved sealed files \(prunedBlobs)" }
        return text
    }
}
