internal import Engine
package import Registry
internal import Text

/// The bounds of serving; every one has a default from the design and may be set.
package struct ServingLimits: Sendable {
    /// The most that a limit of bytes may be set to.
    package static let maxQueuedBytes = 1 << 39
    /// The values that a limit of time on a run may have, in seconds.
    package static let runSecondsRange = Card.runSecondsRange
    /// Requests of one model that wait or run while nothing was measured of it: how long they would
    /// wait is not known.
    package static let queuedRequestsUnmeasured = 1_024
    /// The longest expected wait of a request that is taken.
    package var queueMilliseconds = 1_000
    /// The result that is expected of a version whose results' size is not known, in bytes: room
    /// for as much is reserved for each request until one was answered.
    static let unknownResultBytes = 64 << 10
    /// The bytes of a reply beside those of its tensors, at most for most of them.
    static let resultHeadBytes = 256
    /// Requests of one model that wait or run.
    package var queuedRequestsPerModel = 65_536
    /// Bytes that requests of one model that wait or run keep in memory.
    package var queuedBytesPerModel = 64 << 20
    /// Requests of all models that wait or run.
    package var queuedRequests = 131_072
    /// Bytes that requests of all models that wait or run keep in memory. Nothing larger is ever
    /// taken: it has to have room for a frame.
    package var queuedBytes = 256 << 20
    /// Versions that no alias points to and that stay loaded because somebody asked for them by
    /// number; the least recently used leaves.
    package var pinnedVersions = 8
    /// Whether the version that answered before stays loaded while there is memory, so that a
    /// rollback needs no load.
    package var keepsPrevious = true
    /// Bytes that the process may hold in memory with a load under way; nil: what the system has.
    package var memoryBudgetBytes: UInt64?
    /// Threads that run models; 0: one for each core, and at least two.
    package var executorThreads = 0
    /// What a run on an event loop may take, in nanoseconds: about what a hop to an executor and
    /// back costs, two threads woken. 0: none runs there.
    package var loopRunNs: UInt64 = 25_000
    /// Seconds that one run may take, unless a card or a rule says otherwise.
    package var runSeconds = 30
    /// Limits of some models that replace ``runSeconds``; the first rule that matches counts.
    package var runRules: [RunRule] = []
    /// Engine hosts.
    package var isolation = IsolationLimits()
    /// A load that failed for a passing reason is tried again after a second, then after twice as
    /// long each time, at most this long.
    package var loadRetrySeconds = 60

    /// The defaults.
    package init() {}

    /// The requests of one model that may wait or run.
    func queuedRequestsPerModel(isMeasured: Bool) -> Int {
        isMeasured
            ? queuedRequestsPerModel : min(queuedRequestsPerModel, Self.queuedRequestsUnmeasured)
    }

    /// The seconds that one run of a model may take: those of the first rule that matches, else of
    /// ``runSeconds``. A card can only lower them.
    package func runSeconds(of model: String, card: Card) -> Int {
        let own = runRules.first { $0.models.matches(model) }?.seconds ?? runSeconds
        return min(own, card.runSeconds ?? own)
    }

    /// The threads that run the models of the server's process.
    var executors: Int { executorThreads > 0 ? executorThreads : max(Processors.count, 2) }

    /// The threads that run a version in an engine host of its own, which is its host's lanes too.
    package var hostLanes: Int { max(executors - 1, 1) }

    /// The bound of time on a queue.
    var queueBound: QueueBound { QueueBound(queueNs: UInt64(queueMilliseconds) * 1_000_000) }

    /// How long to wait after so many failures in a row, at least one.
    func retryPause(afterFailures failures: Int) -> Duration {
        .seconds(min(1 << min(failures - 1, 16), loadRetrySeconds))
    }
}
