internal import Engine
internal import Glibc
internal import Sealing

extension HostEnd {
    /// The error of a run that the host had begun when it ended.
    var error: EngineError {
        switch self {
        case .exited(let status): Self.ended("exit status \(status)")
        case .killed(SIGKILL), .killed(SIGTERM), .killed(SIGINT), .killed(SIGHUP): Self.lost
        case .killed(let signal): Self.ended(SignalName.of(signal))
        case .forbidden(let call): Self.ended("forbidden system call \(call)")
        case .outOfMemory:
            EngineError(
                .outOfMemory,
                "the system ended the model's process for lack of memory while it ran this input"
            )
        // The guilty run has an error of its own.
        case .overTime, .lied, .released: Self.lost
        }
    }

    /// The error of the run whose reply was not as agreed.
    static func breach(_ breach: ProtocolBreach) -> EngineError {
        EngineError(
            .processEnded,
            "the model's process broke its protocol with the server while it ran this input and "
                + "was ended",
            detail: breach.text
        )
    }

    /// The error of a run that is not to blame for the end of the host.
    static let lost = EngineError(
        .processLost,
        "the model's process was ended before it had run this input"
    )

    /// The error of a run at its limit of time.
    static let overLimit = EngineError(.overTime, "the run passed its limit of time")

    private static func ended(_ how: String) -> EngineError {
        EngineError(.processEnded, "the model's process ended while it ran this input (\(how))")
    }
}
