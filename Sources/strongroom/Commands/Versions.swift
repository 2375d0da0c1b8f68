internal import ArgumentParser
internal import JSON
internal import StrongroomClient
internal import Text
internal import Wire

struct Versions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the versions of a model, the newest first."
    )

    @Argument(help: "The model's name.")
    var model: String

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let versions = try await server.withClient { client in
            var versions: [V1.Version] = []
            var token = ""
            repeat {
                let page: V1.ListVersionsResponse = try await client.call(
                    "Registry",
                    "ListVersions",
                    V1.ListVersionsRequest(model: model, pageToken: token)
                )
                versions += page.versions
                token = page.nextPageToken
            } while !token.isEmpty
            return versions
        }
        output.write(.object(["versions": .array(versions.map(\.json))])) {
            var table = Table(
                "VERSION",
                "STATE",
                "LOAD",
                "ALIASES",
                "SIZE",
                "CREATED",
                "BY",
                "REASON"
            )
            for version in versions {
                table.add(
                    String(version.version),
                    version.state.name,
                    version.replicas.first?.load.name ?? "-",
                    version.aliases.joined(separator: " "),
                    ByteCount.text(version.bytes),
                    Moment.text(unixMs: version.createdUnixMs),
                    version.createdBy,
                    version.reason
                )
            }
            return table.text
        }
    }
}
