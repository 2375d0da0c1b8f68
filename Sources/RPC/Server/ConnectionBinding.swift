package import Logging
package import NIOCore

/// What a connection speaks, once its first byte is there.
package enum ConnectionProtocol: Int, Sendable, CaseIterable {
    /// No byte has come.
    case undecided
    case ttrpc
    case http
}

/// A binding beside ttrpc on the same listeners: it takes the connections whose first byte is a
/// letter, which no frame begins with.
package protocol ConnectionBinding: Sendable {
    /// Adds the binding's handlers to the end of a channel's pipeline, on the channel's loop. The
    /// bytes that decided follow as a read.
    /// - Throws: what keeps the handlers from being added; the connection is then closed.
    func takeOver(_ connection: TakenConnection) throws -> any BoundConnection
}

/// A connection as a binding gets it.
package struct TakenConnection {
    /// Bytes come out of it decrypted.
    package let channel: any Channel
    /// Who is at the other end, as the transport proved it.
    package let principal: Principal
    /// Longest time in which it may be idle, while none of its requests proved a principal; nil:
    /// the transport did.
    package let anonymousIdleTimeout: TimeAmount?
    /// Logs with the connection's metadata.
    package let logger: Logger
    /// Counts its replies.
    package let account: ReplyAccount

    package init(
        channel: any Channel,
        principal: Principal,
        anonymousIdleTimeout: TimeAmount? = nil,
        logger: Logger,
        account: ReplyAccount
    ) {
        self.channel = channel
        self.principal = principal
        self.anonymousIdleTimeout = anonymousIdleTimeout
        self.logger = logger
        self.account = account
    }
}

/// A connection that a binding has; on its loop alone.
package protocol BoundConnection: AnyObject {
    /// Takes nothing new, and closes when what was taken is answered.
    func drain()
}
