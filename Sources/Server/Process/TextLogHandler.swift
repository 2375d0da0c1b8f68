internal import Glibc
package import Logging
internal import Text

/// A log in text: `TIME LEVEL LOGGER: KEY=VALUE ... [SOURCE] MESSAGE`, an event a line.
///
/// Values may come from outside. They are escaped, and stand in quotation marks if they hold a
/// space, a quotation mark or an equals sign: a value makes neither a line nor another key.
package struct TextLogHandler: LogHandler {
    private let label: String
    private let write: @Sendable ([UInt8]) -> Void
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level = .info

    /// - Parameter write: Gets each line.
    package init(
        label: String,
        write: @escaping @Sendable ([UInt8]) -> Void = { LogOutput.write($0) }
    ) {
        self.label = label
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let fields = LogFields(event, own: metadata)
        var line = "\(Self.now) \(event.level) \(label):"
        for (key, value) in fields.metadata { line += " \(key.escaped)=\(Self.shown(value))" }
        line += " [\(event.source.escaped)] \(fields.message.escaped)\n"
        write(Array(line.utf8))
    }

    private static func shown(_ value: String) -> String {
        let escaped = value.escaped
        guard value.isEmpty || value.utf8.contains(where: { " \"=".utf8.contains($0) }) else {
            return escaped
        }
        return "\"\(escaped.replacing("\"", with: "\\\""))\""
    }

    /// The time in the system's zone, as in `2026-11-30T17:20:00+0000`.
    private static var now: String {
        var seconds = time(nil)
        var parts = unsafe tm()
        _ = unsafe localtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 64)
        _ = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
            as: UTF8.self
        )
    }
}
