package import Hosting
package import Logging

extension LibraryOutputLines.Entry {
    /// Logs the entry at level warning.
    ///
    /// - Parameters:
    ///   - source: The beginning of the message: "library output", for example.
    ///   - metadata: Logged with the entry's own.
    package func log(to logger: Logger, as source: String, _ metadata: Logger.Metadata) {
        var metadata = metadata
        switch self {
        case .line(let text, let bytes):
            metadata["text"] = "\(text)"
            metadata["bytes"] = "\(bytes)"
            logger.warning("\(source)", metadata: metadata)
        case .dropped(let lines, let bytes, let last):
            metadata["lines"] = "\(lines)"
            metadata["last"] = "\(last)"
            metadata["bytes"] = "\(bytes)"
            logger.warning("\(source) was dropped: too many lines", metadata: metadata)
        }
    }
}
