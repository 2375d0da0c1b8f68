package import NIOCore
package import TLS
package import Wire

/// What is asked of a server, how often, and for how long.
package struct LoadPlan: Sendable {
    /// When calls are made.
    package enum Pace: Sendable, Equatable {
        /// So many calls are under way on each connection; an answer brings the next call.
        case closed(depth: Int)
        /// So many calls a second over all connections, whatever the answers do. A latency counts
        /// from when a call was due, so that a server that stalls is charged for all that was due
        /// meanwhile.
        case open(callsPerSecond: Double)
    }

    /// One kind of call.
    package struct Request: Sendable {
        /// Stands in results.
        package let name: String
        /// The whole frame, its stream id 0.
        package let frame: ByteBuffer

        /// A call of a method of the contract.
        /// - Parameter timeout: Its deadline, which the server is told; nil: none.
        package init(
            name: String,
            service: String,
            method: String,
            timeout: Duration? = nil,
            _ message: some WireMessage
        ) {
            var payload = ByteBuffer()
            message.encode(into: &payload)
            let envelope = RequestEnvelope(
                service: "strongroom.v1." + service,
                method: method,
                payload: payload,
                timeoutNano: timeout.map { TimeAmount($0).nanoseconds } ?? 0
            )
            frame = envelope.frame()
            self.name = name
        }
    }

    /// The host's name or address, and its port.
    package var host: String
    package var port: Int
    package var tls: TLSContext
    /// Calls are made in turn of each kind.
    package var requests: [Request]
    package var connections: Int
    package var pace: Pace
    /// Loads that are not measured.
    package var warmUp: Duration
    package var duration: Duration
    /// Threads that make calls.
    package var threads: Int
    /// Whether answers are compared; that costs the generator time.
    package var checks = false

    package init(
        host: String,
        port: Int,
        tls: TLSContext,
        requests: [Request],
        connections: Int,
        pace: Pace,
        warmUp: Duration,
        duration: Duration,
        threads: Int
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.requests = requests
        self.connections = connections
        self.pace = pace
        self.warmUp = warmUp
        self.duration = duration
        self.threads = threads
    }
}
