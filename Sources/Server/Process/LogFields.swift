internal import Logging

/// The metadata of a log event, sorted by key, with texts of a bounded length.
struct LogFields {
    /// Bytes of a message or a value; longer ones are cut.
    static let maxBytes = 4_096

    let message: String
    let metadata: [(key: String, value: String)]

    /// - Parameter own: The logger's metadata; the event's take their place.
    init(_ event: LogEvent, own: Logger.Metadata) {
        message = Self.cut("\(event.message)")
        var merged = own.merging(event.metadata ?? [:]) { $1 }
        if let error = event.error { merged["error.message"] = "\(error)" }
        metadata = merged.sorted { $0.key < $1.key }.map { ($0.key, Self.cut("\($0.value)")) }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > maxBytes else { return text }
        return String(decoding: text.utf8.prefix(maxBytes), as: UTF8.self) + "..."
    }
}
