package import NIOCore
package import Text
internal import Wire

/// Every limit that concerns connections and frames, with its default.
///
/// A value here is what a peer can make the server hold or wait for; none is infinite.
package struct RPCLimits: Sendable, Equatable {
    /// The largest data of a frame that either side may be set to: the first byte stays 0.
    package static let frameCeilingBytes = FrameHeader.maxLength
    /// What every peer accepts without saying so, in bytes of data.
    package static let defaultFrameBytes = FrameHeader.defaultMaxLength
    /// The request metadata by which a caller allows replies of other sizes, in bytes.
    package static let receiveLimitKey: ExactString = "x-max-recv-bytes"
    /// A relative timeout past this is no timeout: the peer means "never".
    package static let maxTimeout = TimeAmount.hours(24 * 365)

    /// Longest frame data accepted, 16 MiB - 1; at most ``frameCeilingBytes``.
    package var maxReceiveBytes = frameCeilingBytes
    /// Longest frame data sent to a caller whose metadata allows no other, 4 MiB.
    package var maxSendBytes = defaultFrameBytes
    /// Calls of one connection that run at once; past it the connection is not read.
    package var maxCallsInFlight = 256
    /// Bytes of the replies of one connection that the socket has not taken, and of those that
    /// its running calls will have; a call past it waits in the connection, which is not read.
    package var maxUnsentBytes = 8 << 20
    /// As ``maxUnsentBytes``, of all connections of one principal.
    package var maxPrincipalUnsentBytes = 64 << 20
    /// As ``maxUnsentBytes``, of all connections of the server.
    package var maxTotalUnsentBytes = 256 << 20
    /// Longest wait of a call for room within ``maxPrincipalUnsentBytes`` and
    /// ``maxTotalUnsentBytes``. The wait for replies of its own connection ends by its deadline or
    /// ``writeStallTimeout``.
    package var replyRoomTimeout = TimeAmount.seconds(1)
    /// Open connections of one server whose handshake is over. One more that has a principal
    /// takes the place of one without; if there is none, it is closed.
    package var maxConnections = 20_000
    /// Open connections without a principal: no certificate, and no request authenticated yet.
    /// One more takes the place of the one that has been idle longest.
    package var maxAnonymousConnections = 256
    /// Longest wait for the first byte of a connection without a principal, after its handshake.
    package var firstByteTimeout = TimeAmount.seconds(10)
    /// Longest time in which a connection without a principal may send no byte after its first.
    package var anonymousIdleTimeout = TimeAmount.seconds(10)
    /// TLS connections whose handshake has not ended, those included that have sent nothing. At
    /// this number the one that has waited longest for its peer gives way to a new connection.
    package var maxHandshakes = 512
    /// Time that each stage of a handshake has before it gives way; until then new connections
    /// wait in the kernel's backlog.
    package var handshakeGrace = TimeAmount.milliseconds(50)
    /// Time by which a handshake whose ClientHello was answered counts as younger than others.
    package var answeredHandshakeBonus = TimeAmount.milliseconds(250)
    /// Longest TLS handshake.
    package var handshakeTimeout = TimeAmount.seconds(5)
    /// Longest wait for the rest of a frame header once its first byte is there.
    package var headerTimeout = TimeAmount.seconds(10)
    /// Longest wait for the rest of a frame once its header is there.
    package var bodyTimeout = TimeAmount.seconds(60)
    /// Longest time in which a peer may take no byte of what waits for it.
    package var writeStallTimeout = TimeAmount.seconds(30)
    /// Metadata pairs of one request.
    package var maxMetadataPairs = 64
    /// Metadata bytes of one request, keys and values together.
    package var maxMetadataBytes = 8 << 10
    /// Frames of unknown type on one connection; at one more it is closed.
    package var maxUnknownFrames = 1_000
    /// Frames of one connection that are looked at before its loop's other connections get their
    /// turn.
    package var maxFramesPerTurn = 128
    /// Time after which a connection's turn ends, whatever frames are left.
    package var turnTime = TimeAmount.microseconds(250)
    /// Connections that the kernel holds until they are accepted.
    package var backlog = 1_024

    package init() {}

    /// Refuses values under which the protocol cannot work.
    ///
    /// - Throws: ``RPCError`` `invalidLimit`, naming the limit and the range expected.
    package func validate() throws(RPCError) {
        let frames = 1024...Self.frameCeilingBytes
        try Self.require(frames, "maxReceiveBytes", maxReceiveBytes)
        try Self.require(frames, "maxSendBytes", maxSendBytes)
        let counts = 1...Int(Int32.max)
        try Self.require(counts, "maxCallsInFlight", maxCallsInFlight)
        try Self.require(counts, "maxUnsentBytes", maxUnsentBytes)
        try Self.require(counts, "maxPrincipalUnsentBytes", maxPrincipalUnsentBytes)
        try Self.require(counts, "maxTotalUnsentBytes", maxTotalUnsentBytes)
        try Self.require(counts, "maxConnections", maxConnections)
        try Self.require(counts, "maxAnonymousConnections", maxAnonymousConnections)
        try Self.require(counts, "maxHandshakes", maxHandshakes)
        try Self.require(counts, "maxFramesPerTurn", maxFramesPerTurn)
        try Self.require(counts, "backlog", backlog)
        for (name, value) in [
            ("handshakeTimeout", handshakeTimeout), ("headerTimeout", headerTimeout),
            ("bodyTimeout", bodyTimeout), ("writeStallTimeout", writeStallTimeout),
            ("anonymousIdleTimeout", anonymousIdleTimeout),
            ("firstByteTimeout", firstByteTimeout), ("turnTime", turnTime),
            ("handshakeGrace", handshakeGrace),
            ("replyRoomTimeout", replyRoomTimeout),
        ] where value <= .zero {
            throw RPCError(.invalidLimit, "\(name) is not positive")
        }
    }

    private static func require(
        _ range: ClosedRange<Int>,
        _ name: String,
        _ value: Int
    ) throws(RPCError) {
        guard range.contains(value) else {
            throw RPCError(
                .invalidLimit,
                "\(name) is \(value), expected \(range.lowerBound)...\(range.upperBound)"
            )
        }
    }
}
