internal import Synchronization

/// Counts a server's connections and handshakes; once for each, whatever is called on them.
package final class ConnectionMeter: Sendable {
    /// The counts at one instant.
    package struct Figures: Sendable, Equatable {
        /// Open now, by what they speak.
        package var open: [ConnectionProtocol: Int] = [:]
        /// Admitted since the start, those open included.
        package var accepted: UInt64 = 0
        /// Closed at once: the server had all its connections, or drained.
        package var refused: UInt64 = 0
        /// TLS handshakes that were completed.
        package var handshakes: UInt64 = 0
        /// TLS handshakes that failed, or that the peer left.
        package var failedHandshakes: UInt64 = 0
    }

    private let state = Mutex(Figures())

    package init() {}

    package var figures: Figures { state.withLock { $0 } }

    func update(_ change: (inout Figures) -> Void) {
        state.withLock { change(&$0) }
    }
}
