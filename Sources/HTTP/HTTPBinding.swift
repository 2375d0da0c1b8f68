internal import NIOCore
internal import NIOHTTP1
package import RPC

/// HTTP/1.1 on the connections whose first byte is a letter.
package struct HTTPBinding: ConnectionBinding {
    private let router: HTTPRouter
    private let limits: HTTPLimits

    package init(router: HTTPRouter, limits: HTTPLimits = HTTPLimits()) {
        self.router = router
        self.limits = limits
    }

    package func takeOver(_ connection: TakenConnection) throws -> any BoundConnection {
        var decoding = NIOHTTPDecoderLimitConfiguration()
        // Before the handler's own limit on a target, so that a target just over that is told so.
        decoding.maxHeaderFieldSize = limits.maxHeadBytes
        decoding.maxHeaderListSize = limits.maxHeadBytes
        decoding.maxHeaderFieldCount = limits.maxHeaderFields
        var limits = limits
        if let idle = connection.anonymousIdleTimeout {
            limits.idleTimeout = min(limits.idleTimeout, idle)
        }
        let handler = HTTPConnectionHandler(
            router: router,
            limits: limits,
            principal: connection.principal,
            account: connection.account,
            logger: connection.logger
        )
        let pipeline = connection.channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoding)
            )
        )
        try pipeline.addHandler(handler)
        return handler
    }
}

extension SocketAddress {
    /// Whether it is an address of this machine's loopback, over IPv6 too.
    var isLoopback: Bool {
        guard let text = ipAddress else { return false }
        return text == "::1" || text.hasPrefix("127.") || text.hasPrefix("::ffff:127.")
    }
}
