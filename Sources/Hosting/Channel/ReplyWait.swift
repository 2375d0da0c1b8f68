internal import Engine

/// The course of a wait for a reply. It ends whatever the host does.
struct ReplyWait {
    /// The next act of the waiting thread.
    enum Step {
        /// It sleeps until a reply, at most until the time.
        case sleep(untilNs: UInt64)
        /// The run has passed its limit: the host is told to end it.
        case terminate
        /// The run goes on in spite of that.
        case overTime
        case breach(ProtocolBreach)
    }

    /// Wake-ups without a reply.
    var falseWakes = 0
    private let endsAtNs: UInt64
    private var isTerminated = false

    /// - Parameter endsAtNs: The limit of the run.
    init(until endsAtNs: UInt64) {
        self.endsAtNs = endsAtNs
    }

    mutating func next() -> Step {
        guard falseWakes <= HostingLimits.maxFalseWakes else {
            return .breach(ProtocolBreach("it woke the server \(falseWakes) times without a reply"))
        }
        let now = MonotonicTime.nowNs
        let look = now + HostingLimits.lookMilliseconds * 1_000_000
        guard now >= endsAtNs else { return .sleep(untilNs: min(look, endsAtNs)) }
        guard isTerminated else {
            isTerminated = true
            return .terminate
        }
        let (end, overflow) = endsAtNs.addingReportingOverflow(
            HostingLimits.terminateGraceMilliseconds * 1_000_000
        )
        return overflow || now < end ? .sleep(untilNs: min(look, end)) : .overTime
    }
}
