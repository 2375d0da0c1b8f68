internal import ArgumentParser
internal import Server

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the server on a home until SIGTERM."
    )

    @OptionGroup var home: HomeOptions

    @Option(
        help: ArgumentHelp(
            "Where to listen; port 0 takes a free one (default: 127.0.0.1:8443).",
            valueName: "host:port"
        )
    )
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "A file that appears, with HOST:PORT in it, when the server is ready.",
            valueName: "file"
        )
    )
    var readyFile: String?

    @Flag(help: "Use files whose owner or mode is insecure; each is logged as a warning.")
    var insecureModes = false

    func run() async throws {
        let home = home.value
        let trust = HomeTrust(toleratesFaults: insecureModes)
        try home.require()
        var flags: [String: String] = [:]
        flags["listen"] = listen
        let configuration = try await ServerConfiguration.load(
            file: home.configuration,
            flags: flags,
            environment: Environment.all,
            trust: trust.rules
        )
        let logger = try ServerProcess.prepare(configuration)
        defer { ServerProcess.finish() }
        let server = try RunningServer(
            home: home,
            configuration: configuration,
            readyFile: readyFile,
            trust: trust,
            logger: logger
        )
        try await server.run()
    }
}
