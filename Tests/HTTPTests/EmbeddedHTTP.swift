import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization

@testable import HTTP
@testable import RPC

/// An HTTP connection on an embedded channel. `/now` is answered at once with the query, `/later`
/// when the test says.
final class EmbeddedHTTP {
    let channel = EmbeddedChannel()
    let held = Held()
    private let bound: any BoundConnection

    /// Replies that a test sends itself.
    final class Held: Sendable {
        private let replies = Mutex<[HTTPReply]>([])

        var all: [HTTPReply] { replies.withLock { $0 } }

        func add(_ reply: HTTPReply) { replies.withLock { $0.append(reply) } }
    }

    let account: ReplyAccount

    init(
        limits: HTTPLimits = HTTPLimits(),
        principal: Principal = .anonymous,
        replies: RPCLimits = RPCLimits()
    ) throws {
        account = HeldReplies(limits: replies).open(principal)
        let router = HTTPRouter([
            HTTPRoute(.GET, "/now") { request, reply in
                reply.send(HTTPResponse(.ok, request.query))
                reply.send(HTTPResponse(.ok, "a second answer"))
            },
            HTTPRoute(.GET, "/later") { [held] _, reply in held.add(reply) },
            HTTPRoute(.GET, "/who") { request, reply in
                let place = request.isFromLoopback ? "here" : "elsewhere"
                reply.send(HTTPResponse(.ok, "\(request.principal.text) \(place)"))
            },
        ])
        bound = try HTTPBinding(router: router, limits: limits).takeOver(
            TakenConnection(
                channel: channel,
                principal: principal,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                account: account
            )
        )
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    var isOpen: Bool { channel.isActive }

    func receive(_ text: String) throws {
        try channel.writeInbound(ByteBuffer(string: text))
        channel.embeddedEventLoop.run()
    }

    func drain() { bound.drain() }

    func advance(by time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }

    /// What was sent since it was last asked.
    func sent() throws -> String {
        channel.embeddedEventLoop.run()
        var text = ""
        while let part = try channel.readOutbound(as: ByteBuffer.self) {
            text += String(buffer: part)
        }
        return text
    }

    /// The status codes of what was sent since it was last asked.
    func statuses() throws -> [Int] {
        try sent().split(separator: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
    }

    static func get(_ target: String, _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }
}
