internal import DequeModule
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import RPC
internal import Text

/// A connection of HTTP/1.1: requests in, one answered at a time, answers out in their order.
///
/// The last handler of its channel, of the channel's loop. It holds at most
/// ``HTTPLimits/maxOutstanding`` requests and one answer: the next request is begun when the peer
/// has taken the answer before it.
final class HTTPConnectionHandler: ChannelInboundHandler, BoundConnection {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What is answered in its turn.
    private enum Turn {
        case request(HTTPRequestHead)
        /// Known before its turn; the last of the connection.
        case refusal(HTTPRequestHead?, HTTPResponse)
    }

    /// The request that is being answered.
    private struct Running {
        let head: HTTPRequestHead?
        let number: Int
        var isAnswered = false
        /// The measures that end with the answer.
        var resource: HTTPResource?
        /// The bytes that the account has for the answer.
        var reserved = 0
    }

    /// When a request may come again for whose answer there is no room.
    private static let retrySeconds = 1

    private let router: HTTPRouter
    private let limits: HTTPLimits
    private let principal: Principal
    private let account: ReplyAccount
    private let log: RequestLog

    private var context: ChannelHandlerContext?
    private var incoming: IncomingRequest?
    private var waiting: Deque<Turn> = []
    private var running: Running?
    private var requests = 0
    private var turns = 0
    /// No request is taken any more; what was taken is answered.
    private var isEnding = false
    private var isClosed = false
    private var timer: Scheduled<Void>?

    init(
        router: HTTPRouter,
        limits: HTTPLimits,
        principal: Principal,
        account: ReplyAccount,
        logger: Logger
    ) {
        self.router = router
        self.limits = limits
        self.principal = principal
        self.account = account
        log = RequestLog(logger: logger, principal: principal)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        startTimer(limits.requestTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        forget()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        forget()
        context.fireChannelInactive()
    }

    /// No answer is sent any more.
    private func forget() {
        isClosed = true
        waiting = []
        releaseReply()
        timer?.cancel()
        timer = nil
    }
}

@available(*, unavailable)
extension HTTPConnectionHandler: Sendable {}

// MARK: - Requests

extension HTTPConnectionHandler {
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnding, !isClosed else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            let request = IncomingRequest(head)
            incoming = request
            if let refusal = request.refusal(limits) { refuse(refusal) }
        case .body(let bytes):
            if let refusal = incoming?.receive(bytes, limits) { refuse(refusal) }
        case .end:
            guard let head = incoming?.head else { return }
            guard waiting.count + (running == nil ? 0 : 1) < limits.maxOutstanding else {
                return refuse(
                    HTTPResponse(
                        .tooManyRequests,
                        "at most \(limits.maxOutstanding) requests of a connection wait"
                    )
                )
            }
            incoming = nil
            requests += 1
            // HTTP/1.0 has no connection that stays, unless it is asked for one. After a request to
            // change the protocol the decoder reads no other.
            isEnding = !head.isKeepAlive || head.version.minor == 0 || head.asksForUpgrade
            if requests >= limits.maxRequests { isEnding = true }
            waiting.append(.request(head))
            goOn()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { drain() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        log.logger.debug("connection failed", metadata: ["error": "\(error)"])
        switch error {
        case HTTPParserError.headerOverflow:
            refuse(
                HTTPResponse(
                    .requestHeaderFieldsTooLarge,
                    "target and header fields of at most \(limits.maxHeadBytes) bytes and "
                        + "\(limits.maxHeaderFields) fields are taken"
                )
            )
        case is HTTPParserError: refuse(HTTPResponse(.badRequest, "the request cannot be read"))
        default:
            forget()
            context.close(promise: nil)
        }
    }

    /// Answers what comes in now, in its turn, and takes nothing more.
    private func refuse(_ response: HTTPResponse) {
        guard !isEnding, !isClosed else { return }
        isEnding = true
        waiting.append(.refusal(incoming?.head, response))
        incoming = nil
        goOn()
    }

    func drain() {
        isEnding = true
        incoming = nil
        goOn()
    }
}

// MARK: - Answers

extension HTTPConnectionHandler {
    /// Begins the next request, or waits for it, or closes where none will come.
    private func goOn() {
        guard running == nil, !isClosed else { return }
        guard let turn = waiting.popFirst() else {
            if isEnding { close() }
            return
        }
        timer?.cancel()
        timer = nil
        turns += 1
        switch turn {
        case .refusal(let head, let response):
            running = Running(head: head, number: turns)
            answer(response, to: turns)
        case .request(let head):
            running = Running(head: head, number: turns)
            run(head, number: turns)
        }
    }

    private func run(_ head: HTTPRequestHead, number: Int) {
        guard let context, let (path, query) = IncomingRequest.path(of: head.uri) else { return }
        switch router.lookup(head.method, path) {
        case .unknownPath:
            answer(HTTPResponse(.notFound, "there is no resource \(quoted(path))"), to: number)
        case .wrongMethod(let allowed):
            let list = allowed.joined(separator: ", ")
            answer(
                HTTPResponse(
                    .methodNotAllowed,
                    "the methods of this resource are \(list)",
                    headers: ["allow": list]
                ),
                to: number
            )
        case .found(let resource):
            if let full = reserve(resource) { return answer(full, to: number) }
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            let loop = context.eventLoop
            let reply = HTTPReply { response in
                if loop.inEventLoop { return bound.value.answer(response, to: number) }
                loop.execute { bound.value.answer(response, to: number) }
            }
            resource.handler(
                HTTPRequest(
                    method: head.method,
                    path: path,
                    query: query,
                    headers: head.headers,
                    principal: principal,
                    isFromLoopback: context.remoteAddress?.isLoopback == true
                ),
                reply
            )
        }
    }

    /// Reserves room for an answer.
    /// - Returns: The refusal where there is none.
    private func reserve(_ resource: HTTPResource) -> HTTPResponse? {
        let count = resource.answerBytes
        if let full = account.take(count) {
            return HTTPResponse(
                .serviceUnavailable,
                full.refuse(count),
                headers: ["retry-after": "\(Self.retrySeconds)"]
            )
        }
        running?.resource = resource
        running?.reserved = count
        return nil
    }

    private func releaseReply() {
        account.release(running?.reserved ?? 0)
        running?.reserved = 0
    }

    private func answer(_ response: HTTPResponse, to number: Int) {
        guard let running, running.number == number, !running.isAnswered, !isClosed, let context
        else { return }
        self.running?.isAnswered = true
        let count = response.body.readableBytes
        running.resource?.answered(count)
        account.correct(running.reserved, to: count)
        self.running?.reserved = count
        log.answered(running.head, response.status)
        if response.closes { (isEnding, waiting) = (true, []) }
        let isLast = isEnding && waiting.isEmpty
        var headers = response.headers
        headers.add(name: "content-type", value: response.contentType)
        headers.add(name: "content-length", value: "\(response.body.readableBytes)")
        if isLast { headers.add(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if running.head?.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in taken(isLast: isLast) }
        startTimer(limits.writeTimeout)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
    }

    /// The peer has an answer, or never will.
    private func taken(isLast: Bool) {
        guard !isClosed else { return }
        releaseReply()
        running = nil
        if isLast { return close() }
        startTimer(limits.idleTimeout)
        goOn()
    }

    private func close() {
        forget()
        context?.close(promise: nil)
    }

    private func startTimer(_ time: TimeAmount) {
        timer?.cancel()
        timer = context?.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            log.logger.debug("connection closed", metadata: ["reason": "the peer took too long"])
            close()
        }
    }
}
