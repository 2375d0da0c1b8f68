internal import ArgumentParser
internal import JSON
internal import Registry
internal import Server
internal import Text

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read everything in the registry and say what is wrong with it.",
        discussion: """
            Works while a server runs on the home. Faults are one line each on stdout, and the \
            exit status is 1 if there is any.
            """
    )

    @Flag(help: "Do not open the keys; check what needs none.")
    var withoutKeys = false

    @Flag(help: "Move damaged files aside, rebuild indexes, give up lost uploads; no server runs.")
    var repair = false

    @OptionGroup var home: HomeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = home.value
        try home.require()
        let configuration = try await ServerConfiguration.load(
            file: home.configuration,
            flags: [:],
            environment: Environment.all
        )
        let bar = ProgressBar(label: "verifying")
        let list = FindingList(output.format) { bar.finish() }
        let start = ContinuousClock.now
        let verification = HomeVerification(
            home,
            keys: configuration.keys,
            withoutKeys: withoutKeys,
            progress: { bar.update($0, of: $1) },
            finding: { list.add($0) }
        )
        let summary = try repair ? verification.repair() : verification.run()
        bar.finish()
        let seconds = Seconds.text(start.duration(to: .now))
        output.write(json(summary, list, seconds: seconds)) {
            "\(summary.versions) versions, \(summary.files) files of "
                + "\(ByteCount.text(summary.bytes)), \(summary.events) audit events, "
                + "\(summary.uploads) open uploads: \(summary.faults) faults, \(seconds) s"
                + (repair ? "; \(summary.repairs) repairs, \(summary.faultsLeft) faults left" : "")
        }
        guard summary.faultsLeft > 0 else { return }
        throw ServerError(
            repair
                ? "\(summary.faultsLeft) faults are left"
                : "\(summary.faults) faults were found"
        )
    }

    private func json(
        _ summary: VerificationSummary,
        _ list: FindingList,
        seconds: String
    ) -> JSONValue {
        .object([
            "versions": .number(summary.versions), "files": .number(summary.files),
            "bytes": .number(summary.bytes), "events": .number(summary.events),
            "uploads": .number(summary.uploads), "with_keys": .bool(summary.withKeys),
            "seconds": .number(seconds), "fault_count": .number(summary.faults),
            "faults": list.json(.fault), "note_count": .number(summary.notes),
            "notes": list.json(.note), "repairs": list.json(.repair),
            "faults_left": .number(summary.faultsLeft),
        ])
    }
}
