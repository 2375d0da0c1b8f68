internal import ArgumentParser
internal import Platform
internal import Server
internal import StrongroomClient

/// Which server is called, and as whom.
struct ServerOptions: ParsableArguments {
    @OptionGroup var home: HomeOptions

    @Option(
        help: ArgumentHelp(
            "The server (default: the one that runs on the home).",
            valueName: "host:port"
        )
    )
    var server: String?

    @Option(
        help: ArgumentHelp("The CA's certificate, PEM (default: the home's).", valueName: "file")
    )
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "The caller's certificate, PEM (default: the home's admin).",
            valueName: "file"
        )
    )
    var cert: String?

    @Option(
        help: ArgumentHelp(
            "The certificate's key, PEM (default: the home's admin).",
            valueName: "file"
        )
    )
    var key: String?

    /// Connects, calls, and closes.
    func withClient<Result>(_ body: (StrongroomClient) async throws -> Result) async throws
        -> Result
    {
        try await StrongroomClient.with(try endpoint(), body)
    }

    /// Whether a server is named, or one says that it runs on the home.
    var namesServer: Bool { server != nil || Files.exists(home.value.address) }

    /// Has the server do something that runs on the home, or is named; where none does, does it
    /// here, on the home itself.
    func onServerOrHere<Result>(
        _ call: (StrongroomClient) async throws -> Result,
        here: (Home, ServerConfiguration) throws -> Result
    ) async throws -> Result {
        if namesServer {
            do {
                return try await withClient(call)
            } catch let error as StrongroomError
                where error.code == "UNAVAILABLE" && server == nil
            {
                // A server that was killed leaves its address; one that runs keeps the registry.
            }
        }
        let home = home.value
        try home.require()
        let configuration = try await ServerConfiguration.load(
            file: home.configuration,
            flags: [:],
            environment: Environment.all
        )
        return try here(home, configuration)
    }

    /// Where the server is, and who calls.
    func endpoint() throws -> StrongroomClient.Endpoint {
        guard (cert == nil) == (key == nil) else {
            throw UsageError("--cert and --key are given together or not at all")
        }
        let home = home.value
        if server == nil || ca == nil || cert == nil { try home.require() }
        let address = try address(of: home)
        return StrongroomClient.Endpoint(
            host: address.host,
            port: address.port,
            authority: ca ?? home.authority,
            certificate: cert ?? home.clientCertificate(HomeInitialisation.adminName),
            key: key ?? home.clientKey(HomeInitialisation.adminName)
        )
    }

    private func address(of home: Home) throws -> ListenAddress {
        if let server {
            do {
                return try ListenAddress(server)
            } catch {
                throw UsageError(error.message)
            }
        }
        guard Files.exists(home.address) else {
            throw ServerError(
                "no server runs on \(home.path)",
                hint: "start it: strongroom serve --home \(home.path), or name one with --server"
            )
        }
        let line = String(decoding: try TrustedFile(home.address, .client).bytes, as: UTF8.self)
        return try ListenAddress(
            line.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        )
    }
}

extension StrongroomClient {
    /// Connects, calls, and closes.
    static func with<Result>(
        _ endpoint: Endpoint,
        _ body: (StrongroomClient) async throws -> Result
    ) async throws -> Result {
        let client = try await connect(to: endpoint)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }
}
