internal import Synchronization
internal import Text

/// A bar on stderr while bytes go out; nothing where stderr is no terminal.
final class ProgressBar: Sendable {
    private static let width: UInt64 = 30
    private let label: String
    private let shown = Mutex<UInt64?>(nil)

    init(label: String) {
        self.label = label.escaped
    }

    func update(_ done: UInt64, of total: UInt64) {
        guard StandardError.isTerminal else { return }
        let percent = total == 0 ? 100 : done * 100 / total
        shown.withLock { shown in
            guard shown != percent else { return }
            shown = percent
            let filled = Int(percent * Self.width / 100)
            let bar =
                String(repeating: "#", count: filled)
                + String(repeating: ".", count: Int(Self.width) - filled)
            StandardError.write(
                "\r\(label) [\(bar)] \(percent)%  "
                    + "\(ByteCount.text(done)) of \(ByteCount.text(total)) "
            )
        }
    }

    /// Ends the bar's line.
    func finish() {
        shown.withLock { shown in
            if shown != nil { StandardError.write("\n") }
            shown = nil
        }
    }
}
