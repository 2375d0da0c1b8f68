internal import Sealing

/// The way in which an engine host's process ended.
package enum HostEnd: Sendable, Hashable {
    /// It returned an exit status.
    case exited(Int32)
    /// A signal ended it, sent by the kernel for what it did, or by another process.
    case killed(Int32)
    /// The sandbox ended it at a forbidden system call; the call's name.
    case forbidden(String)
    /// The kernel ended it for lack of memory.
    case outOfMemory
    /// The server ended it, since a run passed its limit of time.
    case overTime
    /// The server ended it, since what it said was not as agreed.
    case lied(String)
    /// The server ended it, since its model is not needed any more.
    case released
}

extension HostEnd {
    /// The end as a sentence says it, behind "it".
    package var text: String {
        switch self {
        case .exited(let status): "exited with status \(status)"
        case .killed(let signal): "was ended by \(SignalName.of(signal))"
        case .forbidden(let call): "made the forbidden system call \(call)"
        case .outOfMemory: "was ended by the system for lack of memory"
        case .overTime: "was ended at a run's limit of time"
        case .lied(let lie): "was ended by the server: \(lie)"
        case .released: "was ended, since it is not needed any more"
        }
    }

    /// The end as one of a fixed set of words, for metrics.
    package var label: String {
        switch self {
        case .exited: "exit"
        case .killed(let signal): isByOthers ? "lost" : SignalName.of(signal)
        case .forbidden: "forbidden_call"
        case .outOfMemory: "out_of_memory"
        case .overTime: "over_time"
        case .lied: "protocol"
        case .released: "released"
        }
    }

    /// Whether another process ended it.
    package var isByOthers: Bool {
        if case .killed(let signal) = self { !SignalName.isFault(signal) } else { false }
    }
}
