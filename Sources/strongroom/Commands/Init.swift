internal import ArgumentParser
internal import Server

struct Init: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a home: keys, a private CA, certificates, an empty registry."
    )

    @OptionGroup var home: HomeOptions

    @Option(
        name: .customLong("host"),
        help: "A name or address of the server besides localhost; may be repeated."
    )
    var hosts: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where the keys are: a folder, env:VAR, passphrase or exec:CMD (default: the home's keys folder).",
            valueName: "source"
        )
    )
    var keys: String?

    func run() async throws {
        let home = home.value
        try HomeInitialisation(home: home, hosts: hosts, keys: keys.map(Self.lasting)).run()
        StandardOutput.write("made \(home.path)")
        StandardOutput.write("start the server: strongroom serve --home \(home.path)")
    }

    /// A source that means the same when the server is started from another folder.
    private static func lasting(_ source: String) -> String {
        let others = ["env:", "exec:"]
        guard source != "passphrase", !others.contains(where: source.hasPrefix) else {
            return source
        }
        return HomeOptions.absolute(source)
    }
}
