internal import Sealing

/// What follows from how a child process has ended that loaded a version for the first time.
struct FirstLoadVerdict {
    /// The last step that it has begun; nil: none.
    let step: LoadStep?
    /// What it said at its end.
    let end: FirstLoadReport?
    let outcome: ChildProcess.Outcome
    let seconds: Int
    let cpuSeconds: Int
    let memory: FirstLoadLimits.MemoryBound

    /// The findings about a version that has passed.
    /// - Throws: The failure: `rejected` for what a model did, `passing` for what the machine did
    ///   or was done to the process.
    func check() throws(Loader.Failure) -> VersionFindings {
        switch end {
        case .passed(let findings): return findings
        case .failed(let failure): throw failure
        case .outOfMemory(let detail): throw outOfMemory(detail)
        case .step, nil: throw unfinished
        }
    }

    static func notTried(detail: String) -> ServingError {
        ServingError(.unavailable, "the version could not be tried", detail: detail)
    }

    private func outOfMemory(_ detail: String) -> Loader.Failure {
        guard memory.isFinal else {
            return .passing(
                ServingError(
                    .unavailable,
                    "there is not enough memory to try the version",
                    detail: detail
                )
            )
        }
        return .rejected(
            reason: "it takes more than \(memory.bytes >> 20) MiB of memory, which is all that a "
                + "first load may take",
            detail: detail
        )
    }

    /// It has ended without saying how.
    private var unfinished: Loader.Failure {
        switch outcome.ending {
        case .outOfTime:
            return rejected("its first load took longer than \(seconds) s and was ended \(place)")
        case .killed(let signal) where SignalName.isTimeUsed(signal):
            return rejected(
                "its first load took more than \(cpuSeconds) s of processor time and was ended "
                    + place
            )
        case .killed(let signal) where SignalName.isFault(signal) && step != nil:
            return rejected(
                "it crashed the process of its first load with \(SignalName.of(signal)) \(place)"
            )
        case .exited(let status) where step != nil:
            return rejected(
                "it ended the process of its first load with exit status \(status) \(place)"
            )
        case .killed(let signal):
            // By the system, when memory is short, or by a person.
            return notTried("it was ended by \(SignalName.of(signal)) \(place)")
        case .exited(let status): return notTried("it ended with exit status \(status)")
        }
    }

    private var place: String { step?.place ?? "before the model was loaded" }

    private func rejected(_ reason: String) -> Loader.Failure {
        .rejected(reason: reason, detail: outcome.errors)
    }

    private func notTried(_ detail: String) -> Loader.Failure {
        let said = outcome.errors.isEmpty ? "" : ": \(outcome.errors)"
        return .passing(Self.notTried(detail: "the process of its first load: \(detail)\(said)"))
    }
}
