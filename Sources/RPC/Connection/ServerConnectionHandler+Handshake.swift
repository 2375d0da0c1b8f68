internal import Glibc
internal import Logging
internal import NIOCore

extension ServerConnectionHandler {
    /// Takes the principal that the handshake proved, and closes the connection if the server has
    /// no room for one of its kind.
    func handshakeEnded(_ principal: Principal, _ context: ChannelHandlerContext) {
        identify(principal)
        isAnonymous = principal == .anonymous
        if isAnonymous {
            let now = context.eventLoop.now
            link.heard(at: now)
            state.becameAnonymous(now: now)
        }
        let admission = connections?.handshakeEnded(link, isAnonymous: isAnonymous)
        guard admission == .full else { return armTimer() }
        link.logger.debug("connection refused", metadata: ["reason": "all connections are taken"])
        cut()
    }

    /// Counts how long the first bytes of a handshake lay in the socket, by the kernel's clock: the
    /// time in the listener's backlog included. Its resolution is 4 ms.
    func measureHandshakeWait(_ context: ChannelHandlerContext) {
        guard let connections, let provider = context.channel as? any SocketOptionProvider
        else { return }
        let info: EventLoopFuture<tcp_info> = provider.unsafeGetSocketOption(
            level: SocketOptionLevel(IPPROTO_TCP),
            name: SocketOptionName(TCP_INFO)
        )
        info.whenSuccess { info in
            let waited = TimeAmount.milliseconds(Int64(info.tcpi_last_data_recv))
            connections.handshakeWaited(waited)
        }
    }
}
