internal import Engine
internal import Hosting
internal import Logging
internal import Synchronization
internal import Text

/// The output that libraries in the hosts of one version write to their standard streams: a bounded
/// number of log lines.
final class HostOutput: Sendable {
    /// Bytes that are kept for the reason of a failed load.
    private static let maxBeginningBytes = 1_024

    private struct State {
        var lines = LibraryOutputLines()
        var beginning: [UInt8] = []
    }

    private let id: VersionID
    private let logger: Logger
    private let state = Mutex(State())

    init(of id: VersionID, _ logger: Logger) {
        self.id = id
        self.logger = logger
    }

    /// The beginning of what was written, on one line.
    var beginning: String {
        let bytes = state.withLock { $0.beginning }
        return String(decoding: bytes, as: UTF8.self)
            .split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    /// Takes what a host writes, in place of the one before.
    func follow(_ host: HostProcess) {
        state.withLock { $0.beginning = [] }
        host.takeOutput { [self] in take($0) }
        host.whenEnded { [self] _ in
            log(state.withLock { $0.lines.finish(nowNs: Self.nowNs) })
        }
    }

    private func take(_ bytes: [UInt8]) {
        let entries = state.withLock { state in
            state.beginning += bytes.prefix(Self.maxBeginningBytes - state.beginning.count)
            // Whole writes: a line without a line break is one too.
            return state.lines.take(bytes[...], nowNs: Self.nowNs)
                + state.lines.settle(nowNs: Self.nowNs)
        }
        log(entries)
    }

    private static var nowNs: UInt64 { Uptime.ns }

    private func log(_ entries: [LibraryOutputLines.Entry]) {
        for entry in entries {
            entry.log(
                to: logger,
                as: "library output in a model's process",
                ["model.name": "\(id.model)", "model.version": "\(id.version)"]
            )
        }
    }
}
