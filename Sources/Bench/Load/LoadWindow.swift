internal import NIOCore

/// When calls are made, and which of them count.
struct LoadWindow: Sendable {
    /// The first moment that is measured.
    let start: NIODeadline
    /// The first that is not any more; no call is made from then on.
    let end: NIODeadline

    func contains(_ moment: NIODeadline) -> Bool { start <= moment && moment < end }
}
