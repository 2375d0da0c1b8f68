package import Wire

/// What one run measured.
package struct LoadResult: Sendable {
    /// Latencies of one kind of call that was answered well, in nanoseconds.
    package struct Kind: Sendable {
        package let name: String
        package var latencies = Histogram()
    }

    package var kinds: [Kind]
    /// Calls that were answered with an error, by code.
    package var failures: [StatusCode: UInt64] = [:]
    /// Their latencies.
    package var failureLatencies = Histogram()
    /// Calls without any answer: their connection was lost, or they took longer than is waited.
    package var unanswered: UInt64 = 0
    /// Calls that were due and not made, as too many were under way.
    package var notMade: UInt64 = 0
    /// What answers weighed, in bytes of frames.
    package var bytesReceived: UInt64 = 0
    /// What calls weighed, in bytes of frames.
    package var bytesSent: UInt64 = 0
    /// Seconds that were measured.
    package var seconds = 0.0
    /// What the answers were, if that was looked at: those of the warm-up too.
    package var answers = AnswerCheck()
    /// What the server used meanwhile, where it is on this machine.
    package var server: ServerUsage?

    init(names: [String]) {
        kinds = names.map { Kind(name: $0) }
    }

    /// The latencies of all kinds.
    package var latencies: Histogram {
        kinds.reduce(into: Histogram()) { $0.add($1.latencies) }
    }

    /// Calls that were answered well.
    package var answered: UInt64 { kinds.reduce(0) { $0 + $1.latencies.count } }

    /// Calls that were answered with an error.
    package var failed: UInt64 { failures.values.reduce(0, +) }

    /// Good answers a second.
    package var answersPerSecond: Double { seconds > 0 ? Double(answered) / seconds : 0 }

    /// The server's processor time, user and system, of one good answer, in microseconds; `nil`
    /// where it is not known.
    package var cpuMicrosecondsPerAnswer: Double? {
        guard let server, answered > 0 else { return nil }
        return server.cpuSeconds * 1e6 / Double(answered)
    }

    mutating func add(_ other: LoadResult) {
        for index in kinds.indices { kinds[index].latencies.add(other.kinds[index].latencies) }
        failures.merge(other.failures, uniquingKeysWith: +)
        failureLatencies.add(other.failureLatencies)
        unanswered += other.unanswered
        notMade += other.notMade
        bytesReceived += other.bytesReceived
        bytesSent += other.bytesSent
        answers.add(other.answers)
    }
}
