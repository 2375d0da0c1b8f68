internal import Glibc

/// Signals by name, for messages.
package enum SignalName {
    private static let names: [Int32: String] = [
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGILL: "SIGILL",
        SIGSEGV: "SIGSEGV", SIGSYS: "SIGSYS", SIGTRAP: "SIGTRAP", SIGXCPU: "SIGXCPU",
        SIGKILL: "SIGKILL", SIGTERM: "SIGTERM", SIGINT: "SIGINT", SIGHUP: "SIGHUP",
    ]
    /// What a process gets for its own deeds.
    private static let faults: Set = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP]

    /// A signal's name.
    package static func of(_ signal: Int32) -> String { names[signal] ?? "signal \(signal)" }

    /// Whether a signal is what a process gets that did something wrong.
    package static func isFault(_ signal: Int32) -> Bool { faults.contains(signal) }

    /// Whether it is the one of a process that took more than its seconds.
    package static func isTimeUsed(_ signal: Int32) -> Bool { signal == SIGXCPU }
}
