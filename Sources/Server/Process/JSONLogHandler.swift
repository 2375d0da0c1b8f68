internal import JSON
package import Logging
internal import Registry
internal import Text

/// One JSON object a line on stderr, for collectors of logs.
package struct JSONLogHandler: LogHandler {
    private let label: String
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level = .info

    package init(label: String) {
        self.label = label
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let fields = LogFields(event, own: metadata)
        var members = [
            JSONValue.Member(name: "unix_ms", value: .number(String(WallClock.system.nowUnixMs))),
            JSONValue.Member(name: "level", value: .string(event.level.rawValue)),
            JSONValue.Member(name: "logger", value: .string(label)),
            JSONValue.Member(name: "message", value: .string(fields.message)),
        ]
        for (key, value) in fields.metadata {
            members.append(JSONValue.Member(name: ExactString(key), value: .string(value)))
        }
        LogOutput.write(Array((JSONValue.object(members).text + "\n").utf8))
    }
}
