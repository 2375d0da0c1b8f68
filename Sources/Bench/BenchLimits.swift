package import NIOCore
internal import Wire

/// How much load one run makes.
package enum BenchLimits {
    /// Connections of one run.
    package static let connections = 1...20_000
    /// Calls under way on one connection.
    package static let depth = 1...4_096
    /// Calls a second of one run at a fixed rate.
    package static let callsPerSecond = 1.0...2_000_000.0
    /// Seconds that are measured, and seconds of warm-up.
    package static let seconds = 0.1...86_400.0
    /// The longest deadline of a call, in milliseconds: a day.
    package static let timeoutMs = 86_400_000
    /// Kinds of calls in one run; each has a histogram of a third of a megabyte a thread.
    package static let requests = 1...64
    /// Threads that make calls.
    package static let threads = 1...64
    /// Calls under way on one thread at a fixed rate; what is due past it is counted as not made.
    static let outstanding = 65_536
    /// How long answers are waited for after the last call.
    package static let grace = TimeAmount.seconds(10)
    /// Connections that are made at once.
    static let connecting = 64
    /// The longest answer, in bytes.
    static let answerBytes = FrameHeader.maxLength
}
