internal import ArgumentParser
internal import JSON
internal import StrongroomClient
internal import Text
internal import Wire

struct Models: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the models and their aliases.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let models = try await server.withClient { client in
            var models: [V1.Model] = []
            var token = ""
            repeat {
                let page: V1.ListModelsResponse = try await client.call(
                    "Registry",
                    "ListModels",
                    V1.ListModelsRequest(pageToken: token)
                )
                models += page.models
                token = page.nextPageToken
            } while !token.isEmpty
            return models
        }
        output.write(.object(["models": .array(models.map(\.json))])) {
            guard !models.isEmpty else { return "no models" }
            var table = Table("MODEL", "LATEST", "ALIASES")
            for model in models {
                let aliases = model.aliases.map { "\($0.name)=\($0.version)" }
                table.add(
                    model.name,
                    String(model.latestVersion),
                    aliases.joined(separator: " ")
                )
            }
            return table.text
        }
    }
}
