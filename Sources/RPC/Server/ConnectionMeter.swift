package import Metrics
internal import Synchronization

/// Why a connection was closed in favour of others.
package enum DropReason: String, Sendable, CaseIterable {
    /// It had sent nothing, not even a part of a ClientHello, and the gate was full.
    case silent
    /// Its handshake waited for its peer, and the gate was full.
    case handshake
    /// It had no principal, and a limit on connections was reached.
    case anonymous
    /// It had no principal, and sent nothing for too long.
    case idle
}

/// Counts a server's connections and handshakes, each once.
package final class ConnectionMeter: Sendable {
    /// The counts at one instant.
    package struct Figures: Sendable, Equatable {
        /// Open now, by what they speak.
        package var open: [ConnectionProtocol: Int] = [:]
        /// Open now without a principal, after their handshake.
        package var anonymous = 0
        /// Admitted since the start, those open included.
        package var accepted: UInt64 = 0
        /// Closed at once or after their handshake: the server had all its connections, or drained.
        package var refused: UInt64 = 0
        /// TLS handshakes that were completed.
        package var handshakes: UInt64 = 0
        /// TLS handshakes that failed, or that the peer left.
        package var failedHandshakes: UInt64 = 0
        /// Closed in favour of others.
        package var dropped: [DropReason: UInt64] = [:]
    }

    /// From the arrival of a handshake's first bytes in the socket to the handshake's start, in
    /// nanoseconds.
    package let handshakeWaits = Histogram(.latency)
    private let state = Mutex(Figures())

    package init() {}

    package var figures: Figures { state.withLock { $0 } }

    func update(_ change: (inout Figures) -> Void) {
        state.withLock { change(&$0) }
    }
}
