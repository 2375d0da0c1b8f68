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

    @Option(help: "Where the keys are: a folder or env:VAR (default: the home's keys folder).")
    var keys: String?

    func run() async throws {
        let home = home.value
        try HomeInitialisation(home: home, hosts: hosts, keys: keys).run()
        print("made \(home.path)")
        print("start the server: strongroom serve --home \(home.path)")
    }
}
