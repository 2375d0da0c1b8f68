internal import Hosting
internal import Sealing

/// The consequence of the way in which an engine host's load of a version ended.
struct FirstLoadVerdict {
    /// The last step that it has begun; nil: none.
    let step: LoadStep?
    /// The end of its process, where it sent no report; ``HostEnd/overTime``: the server ended it
    /// at the limit of the load.
    let end: HostEnd
    /// The beginning of what libraries wrote to its standard streams.
    let output: String
    let seconds: Int
    let cpuSeconds: Int
    let memory: FirstLoadLimits.MemoryBound

    static func notTried(detail: String) -> ServingError {
        ServingError(.unavailable, "the version could not be tried", detail: detail)
    }

    /// The failure of a host that reports a lack of memory.
    static func outOfMemory(
        _ memory: FirstLoadLimits.MemoryBound,
        detail: String
    ) -> Loader.Failure {
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

    /// The failure: `rejected` for what a model did, `passing` for what the machine did or was done
    /// to the process.
    var failure: Loader.Failure {
        switch end {
        case .overTime:
            return rejected("its first load took longer than \(seconds) s and was ended \(place)")
        case .killed(let signal) where SignalName.isTimeUsed(signal):
            return rejected(
                "its first load took more than \(cpuSeconds) s of processor time and was ended "
                    + place
            )
        case .forbidden(let call) where step != nil:
            return rejected(
                "it made the system call \(call), which the sandbox forbids, \(place)"
            )
        case .killed(let signal) where SignalName.isFault(signal) && step != nil:
            return rejected(
                "it crashed the process of its first load with \(SignalName.of(signal)) \(place)"
            )
        case .exited(let status) where step != nil:
            return rejected(
                "it ended the process of its first load with exit status \(status) \(place)"
            )
        case .lied(let lie) where step != nil:
            return rejected("the process of its first load was ended \(place): \(lie)")
        case .outOfMemory:
            return Self.outOfMemory(memory, detail: "the system ended the process")
        case .killed(let signal):
            // By the system, or by a person.
            return notTried("it was ended by \(SignalName.of(signal)) \(place)")
        case .exited(let status): return notTried("it ended with exit status \(status)")
        case .forbidden(let call): return notTried("it made the forbidden system call \(call)")
        case .lied(let lie): return notTried(lie)
        case .released: return notTried("it was ended, since nothing needs the version any more")
        }
    }

    private var place: String { step?.place ?? "before the model was loaded" }

    private func rejected(_ reason: String) -> Loader.Failure {
        .rejected(reason: reason, detail: output)
    }

    private func notTried(_ detail: String) -> Loader.Failure {
        let said = output.isEmpty ? "" : ": \(output)"
        return .passing(Self.notTried(detail: "the process of its first load: \(detail)\(said)"))
    }
}
