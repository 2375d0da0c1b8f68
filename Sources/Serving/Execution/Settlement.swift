internal import Engine
internal import Text

/// The decision on the requests of a run that took its process with it, or that was ended at its
/// limit of time.
///
/// Each of them may have one more run in its life, alone, so that one request's end is not its
/// neighbours'. A request whose run ended the process while nothing else ran in it is to blame and
/// has none.
struct Settlement {
    /// The requests of one batch that run again at most: each that ends its process costs the start
    /// of another.
    static let maxAgain = 64

    /// Requests that run again.
    private(set) var again: [Job] = []
    /// Requests that are answered.
    private(set) var failed: [(job: Job, error: ServingError)] = []
    /// Whether the end is charged to the caller of the one request.
    private(set) var isCharged = false

    private let error: EngineError
    private let isHosted: Bool

    /// - Parameters:
    ///   - isHosted: Whether the version runs in an engine host, which the end took or may have
    ///     taken.
    ///   - hadCompany: Whether other runs went on in the same host meanwhile.
    init(of run: BatchRun.Unsettled, isHosted: Bool, hadCompany: Bool) {
        error = run.error
        self.isHosted = isHosted
        for job in run.jobs {
            if let lapse = job.lapse() {
                failed.append((job, lapse))
            } else if run.jobs.count == 1, isToBlame(hadCompany: hadCompany) {
                isCharged = isHosted
                failed.append((job, blame(job)))
            } else {
                repeatOnce(job)
            }
        }
    }

    /// Whether the one request of a run is known to have caused its end.
    private func isToBlame(hadCompany: Bool) -> Bool {
        switch error.code {
        case .processEnded: !hadCompany
        case .overTime: true
        default: false
        }
    }

    private func blame(_ job: Job) -> ServingError {
        guard error.code == .processEnded else { return job.overTime }
        return ServingError(
            .internalFailure,
            error.message,
            detail: "the engine host of \(job.slot.id) ended while it ran an input of "
                + "\(quoted(job.request.principal)) alone"
                + (error.detail.isEmpty ? "" : ": \(error.detail)")
        )
    }

    private var tooMany: ServingError {
        let end =
            switch error.code {
            case .processEnded: "the model's process ended while it ran a batch with this request"
            case .overTime: "the run of a batch with this request took longer than its limit"
            default: "the model's process was ended while it ran a batch with this request"
            }
        return ServingError(
            ServingError(engine: error).code,
            "\(end), and at most \(Self.maxAgain) requests of a batch run again",
            detail: error.detail
        )
    }

    private mutating func repeatOnce(_ job: Job) {
        if job.attempt != .first {
            failed.append((job, ServingError(engine: error)))
        } else if again.count == Self.maxAgain {
            failed.append((job, tooMany))
        } else {
            // A run over time says by itself which one it is: it need not be the only one.
            again.append(Job(again: job, isExclusive: isHosted && error.code != .overTime))
        }
    }
}
