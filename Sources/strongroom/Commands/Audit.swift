internal import ArgumentParser
internal import JSON
internal import StrongroomClient
internal import Wire

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List what was done to the registry, by whom and when."
    )

    @Option(help: "Only this model's events.")
    var model = ""

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let events = try await server.withClient { client in
            var events: [V1.AuditEvent] = []
            while true {
                let page: V1.ListAuditEventsResponse = try await client.call(
                    "Registry",
                    "ListAuditEvents",
                    V1.ListAuditEventsRequest(
                        model: model,
                        afterSequence: events.last?.sequence ?? 0
                    )
                )
                events += page.events
                guard !page.events.isEmpty else { return events }
            }
        }
        output.write(.object(["events": .array(events.map(\.json))])) {
            var table = Table("SEQUENCE", "WHEN", "WHO", "ACTION", "MODEL", "VERSION", "DETAIL")
            for event in events {
                table.add(
                    String(event.sequence),
                    Moment.text(unixMs: event.unixMs),
                    event.principal,
                    event.action,
                    event.model,
                    event.version == 0 ? "" : String(event.version),
                    event.detail
                )
            }
            return table.text
        }
    }
}
