internal import Dispatch

/// The clock of deadlines: nanoseconds since the machine's start, as event loops count them.
enum Uptime {
    static var ns: UInt64 { DispatchTime.now().uptimeNanoseconds }
}
