internal import Glibc
internal import NIOCore

/// The kernel's word on who holds the other end of a unix socket: Linux's `struct ucred`, which
/// Swift's Glibc does not show.
struct PeerCredentials {
    /// The process that connected, as its id was then.
    let processID: Int32
    /// Its effective user id.
    let userID: UInt32
    /// Its effective group id.
    let groupID: UInt32

    /// Asks the socket of a channel.
    static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(
                RPCError(.connectionFailed, "the channel has no socket to ask for its peer")
            )
        }
        return provider.unsafeGetSocketOption(
            level: SocketOptionLevel(SOL_SOCKET),
            name: SocketOptionName(SO_PEERCRED)
        )
    }
}
