import Logging
import Synchronization

/// A log whose lines a test reads.
final class RecordedLog: LogHandler {
    /// A line of the log.
    struct Line: Sendable {
        let message: String
        let metadata: [String: String]
    }

    private let recorded = Mutex<[Line]>([])

    var metadata: Logger.Metadata {
        get { [:] }
        set { _ = newValue }
    }

    var logLevel: Logger.Level {
        get { .info }
        set { _ = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set { _ = newValue }
    }

    func log(event: LogEvent) {
        let metadata = (event.metadata ?? [:]).mapValues { "\($0)" }
        recorded.withLock { $0.append(Line(message: "\(event.message)", metadata: metadata)) }
    }

    /// The lines with a message.
    func lines(_ message: String) -> [Line] {
        recorded.withLock { $0.filter { $0.message == message } }
    }

    var logger: Logger { Logger(label: "tests", factory: { _ in self }) }
}
