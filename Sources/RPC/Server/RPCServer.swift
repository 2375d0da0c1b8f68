package import Logging
package import NIOCore
internal import NIOPosix
internal import Synchronization
package import TLS

/// Listens, and serves a router's methods to every connection.
///
/// One server may listen on several addresses; limits on connections and handshakes, and
/// draining, are common to them. It does not own the event loops.
package final class RPCServer: Sendable {
    private let router: Router
    private let limits: RPCLimits
    private let logger: Logger
    private let group: any EventLoopGroup
    private let binding: (any ConnectionBinding)?
    private let connections: ConnectionTable
    private let flushes: FlushRounds
    private let held: HeldReplies
    private let listeners = Mutex<[any Channel]>([])

    /// - Parameters:
    ///   - binding: takes the connections whose first byte is a letter; nil: they are closed.
    ///   - meter: counts connections and handshakes.
    ///   - held: counts replies; nil: with accounts of the server's own.
    /// - Throws: ``RPCError`` `invalidLimit` for limits under which nothing works.
    package init(
        router: Router,
        limits: RPCLimits = RPCLimits(),
        logger: Logger,
        group: any EventLoopGroup,
        binding: (any ConnectionBinding)? = nil,
        meter: ConnectionMeter = ConnectionMeter(),
        held: HeldReplies? = nil
    ) throws(RPCError) {
        try limits.validate()
        self.router = router
        self.limits = limits
        self.logger = logger
        self.group = group
        self.binding = binding
        connections = ConnectionTable(limits: limits, meter: meter)
        flushes = FlushRounds(group)
        self.held = held ?? HeldReplies(limits: limits)
    }

    /// Whether ``drain(seconds:)`` was called.
    package var isDraining: Bool { connections.isDraining }

    /// Connections that are open now, those in their handshake included.
    package var connectionCount: Int { connections.count }

    /// Listens on TCP, with TLS.
    ///
    /// - Parameters:
    ///   - host: a name or an address.
    ///   - port: 0 takes a free one.
    ///   - tls: asked anew for every connection.
    /// - Returns: the address that is listened on.
    /// - Throws: ``RPCError`` `draining`, or what the system says against the address.
    @discardableResult
    package func listen(
        host: String,
        port: Int,
        tls: ReloadableTLSContext
    ) async throws -> SocketAddress {
        let listener = try await bootstrap { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = TLSHandler(
                    context: tls.current,
                    role: .server,
                    handshakeTimeout: self.limits.handshakeTimeout,
                    turns: self.flushes.round(of: channel.eventLoop)?.turns
                )
                try channel.pipeline.syncOperations.addHandler(handler)
                try self.addHandlers(to: channel, principal: .anonymous, handshakes: true)
            }
        }
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.socketOption(.so_keepalive), value: 1)
        .bind(host: host, port: port).get()
        return try await keep(listener)
    }

    /// Listens on a unix socket, without TLS; callers are who the kernel says they are.
    ///
    /// A socket file that is left over from another process is replaced.
    ///
    /// - Throws: ``RPCError`` `draining`, or what the system says against the path.
    package func listen(unixSocket path: String) async throws {
        let listener = try await bootstrap { channel in
            PeerCredentials.of(channel).flatMapThrowing { peer in
                try self.addHandlers(to: channel, principal: .user(peer.userID), handshakes: false)
            }
        }
        .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        _ = try await keep(listener)
    }

    /// Ends the server's service: listeners close, new calls are refused, running ones finish,
    /// connections close when idle. What is left after `seconds` is cut.
    ///
    /// Returns when all connections are closed, or were told to close.
    package func drain(seconds: Int) async {
        let channels = listeners.withLock { listeners in
            let taken = listeners
            listeners = []
            return taken
        }
        for channel in channels { try? await channel.close() }
        connections.drain()
        let isEmpty = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.connections.waitUntilEmpty()
                return true
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(seconds))
                // Cutting is what ends the other task, which nothing else does.
                self.connections.cut()
                return false
            }
            let first = await group.next() ?? true
            group.cancelAll()
            return first
        }
        if !isEmpty { logger.info("connections were cut when the time to drain was over") }
    }
}

extension RPCServer {
    /// What all listeners have in common.
    private func bootstrap(
        _ childInitializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> ServerBootstrap {
        let connections = connections
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(limits.backlog))
            .serverChannelOption(.maxMessagesPerRead, value: UInt(limits.acceptBurst))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptGate(connections: connections)
                    )
                }
            }
            .childChannelInitializer(childInitializer)
            // At most 64 KiB, then the loop's other connections have their turn.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // A peer that has sent all its calls still waits for the replies.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(
                    low: max(1, limits.maxUnsentBytes / 2),
                    high: limits.maxUnsentBytes
                )
            )
    }

    /// The last handlers of a connection. An error thrown here closes the connection.
    private func addHandlers(
        to channel: any Channel,
        principal: Principal,
        handshakes: Bool
    ) throws {
        let link = ConnectionLink(
            eventLoop: channel.eventLoop,
            logger: logger,
            limits: limits
        )
        let speaks: ConnectionProtocol = binding == nil ? .ttrpc : .undecided
        switch connections.add(link, handshakes: handshakes, speaks: speaks) {
        case .admitted: break
        case .full: throw RPCError(.connectionFailed, "the server has all its connections")
        case .draining: throw RPCError(.draining, "the server is shutting down")
        }
        let handler = ServerConnectionHandler(
            router: router,
            limits: limits,
            link: link,
            principal: principal,
            connections: connections,
            flushes: flushes.round(of: channel.eventLoop),
            held: held
        )
        if let binding {
            try channel.pipeline.syncOperations.addHandler(
                FirstByteHandler(frames: handler, binding: binding, connections: connections)
            )
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Takes a listener that was opened, unless draining began meanwhile.
    private func keep(_ listener: any Channel) async throws -> SocketAddress {
        let isKept = listeners.withLock { listeners in
            guard !connections.isDraining else { return false }
            listeners.append(listener)
            return true
        }
        guard isKept, let address = listener.localAddress else {
            try await listener.close()
            throw RPCError(.draining, "the server is shutting down and takes no listener")
        }
        return address
    }
}
