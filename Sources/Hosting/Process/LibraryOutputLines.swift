/// Makes a bounded number of log lines from the bytes that libraries write.
///
/// At most ``maxLines`` lines a second come out, each of at most ``maxLineBytes``. All other bytes
/// are counted.
package struct LibraryOutputLines {
    /// Bytes of a line; the rest of a longer one is left out.
    static let maxLineBytes = 512
    /// Lines of a second.
    static let maxLines = 10
    private static let windowNs: UInt64 = 1_000_000_000

    /// A line for the log.
    package enum Entry: Equatable {
        case line(String, bytes: Int)
        /// Lines that were left out, their bytes, and the last of them: the one before a crash may
        /// say why.
        case dropped(lines: Int, bytes: Int, last: String)
    }

    /// Makes one that has taken nothing.
    package init() {}

    private var line: [UInt8] = []
    private var lineBytes = 0
    private var windowEndNs: UInt64 = 0
    private var lines = 0
    private var droppedLines = 0
    private var droppedBytes = 0
    private var lastDropped: [UInt8] = []

    /// Whether nothing is left to be given out.
    package var isIdle: Bool { lineBytes == 0 && droppedLines == 0 }

    /// Takes bytes that were read.
    package mutating func take(_ bytes: ArraySlice<UInt8>, nowNs: UInt64) -> [Entry] {
        var entries = beginWindow(nowNs)
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if let entry = endLine() { entries.append(entry) }
            } else {
                lineBytes += 1
                if line.count < Self.maxLineBytes { line.append(byte) }
            }
        }
        return entries
    }

    /// Gives out what is left when nothing was written for a while: a line without a line break,
    /// and the number of those left out, when their second is over.
    package mutating func settle(nowNs: UInt64) -> [Entry] {
        var entries = beginWindow(nowNs)
        if let entry = endLine() { entries.append(entry) }
        return entries
    }

    /// Gives out all that is left, before the process ends.
    package mutating func finish(nowNs: UInt64) -> [Entry] {
        windowEndNs = 0
        return settle(nowNs: nowNs)
    }

    private mutating func beginWindow(_ nowNs: UInt64) -> [Entry] {
        guard nowNs >= windowEndNs else { return [] }
        defer {
            (windowEndNs, lines) = (nowNs + Self.windowNs, 0)
            (droppedLines, droppedBytes, lastDropped) = (0, 0, [])
        }
        guard droppedLines > 0 else { return [] }
        let last = String(decoding: lastDropped, as: UTF8.self)
        return [.dropped(lines: droppedLines, bytes: droppedBytes, last: last)]
    }

    private mutating func endLine() -> Entry? {
        guard lineBytes > 0 else { return nil }
        defer { (line, lineBytes) = ([], 0) }
        guard lines < Self.maxLines else {
            droppedLines += 1
            droppedBytes += lineBytes
            lastDropped = line
            return nil
        }
        lines += 1
        return .line(String(decoding: line, as: UTF8.self), bytes: lineBytes)
    }
}
