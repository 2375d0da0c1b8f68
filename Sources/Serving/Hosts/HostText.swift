internal import Text

/// Texts of an engine host, which a model may have made up.
enum HostText {
    /// UTF-8 bytes that are kept of a text.
    static let maxBytes = 4_096

    /// The beginning of a text, on one line.
    static func bounded(_ text: String) -> String {
        guard text.utf8.count > maxBytes else { return text.escaped }
        return String(decoding: text.utf8.prefix(maxBytes), as: UTF8.self).escaped + "..."
    }
}
