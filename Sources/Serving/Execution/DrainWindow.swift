/// Departures from a queue that was never empty in between, until they make a measurement.
struct DrainWindow {
    private var sinceNs: UInt64
    private var departures = 0
    private var work = QueueWork()
    /// The last departure: done by the next one, as far as the queue can tell.
    private var last: QueueWork?

    init(sinceNs: UInt64) {
        self.sinceNs = sinceNs
    }

    /// Notes a departure.
    /// - Parameter span: departures that make a measurement: one for each thread, since several
    ///   threads may take batches at nearly the same time, and then none for a while.
    /// - Returns: the work that left in a time, when there were enough.
    mutating func left(
        _ leaving: QueueWork,
        atNs nowNs: UInt64,
        span: Int
    ) -> (work: QueueWork, ns: UInt64)? {
        defer { last = leaving }
        guard let last else { return nil }
        work += last
        departures += 1
        guard departures >= span, nowNs > sinceNs else { return nil }
        defer { (sinceNs, departures, work) = (nowNs, 0, QueueWork()) }
        return (work, nowNs - sinceNs)
    }
}
