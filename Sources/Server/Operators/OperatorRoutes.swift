internal import HTTP
internal import Metrics
internal import NIOCore
internal import NIOHTTP1
internal import RPC
internal import Serving
internal import Synchronization
internal import Wire

/// What operators and their programs ask over HTTP.
struct OperatorRoutes: Sendable {
    /// Pages of metrics that are made at once; one more is answered 503.
    static let maxScrapes = 4

    let readiness: Readiness
    let access: AccessFile
    let work: BlockingWork
    let page: MetricsPage
    /// Why an alias of a model cannot answer; nil: it can.
    let unreadiness: @Sendable (_ model: String, _ alias: String) -> ServingError?
    /// Whether callers from this machine's loopback read metrics without a certificate.
    let opensMetricsOnLoopback: Bool
    private let scrapes = Scrapes()

    init(
        readiness: Readiness,
        access: AccessFile,
        work: BlockingWork,
        page: MetricsPage,
        unreadiness: @escaping @Sendable (_ model: String, _ alias: String) -> ServingError?,
        opensMetricsOnLoopback: Bool
    ) {
        self.readiness = readiness
        self.access = access
        self.work = work
        self.page = page
        self.unreadiness = unreadiness
        self.opensMetricsOnLoopback = opensMetricsOnLoopback
    }

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.GET, "/healthz") { _, reply in reply.send(HTTPResponse(.ok, "ok")) },
            HTTPRoute(.GET, "/readyz") { request, reply in reply.send(ready(request)) },
            HTTPRoute(.GET, "/metrics", handler: metrics),
        ]
    }

    /// As `Health.Check`: of the server, or with `?model=MODEL&alias=ALIAS` of an alias, for which
    /// the caller needs a role on the model.
    private func ready(_ request: HTTPRequest) -> HTTPResponse {
        if let model = request.queryValue("model"), !model.isEmpty {
            return ready(request, model: model)
        }
        guard let reason = readiness.reason else { return HTTPResponse(.ok, "ok") }
        return HTTPResponse(.serviceUnavailable, reason)
    }

    private func ready(_ request: HTTPRequest, model: String) -> HTTPResponse {
        let caller = Caller(principal: request.principal, list: access.current)
        do throws(Status) {
            try caller.authorize(RoleSet.all, on: model, method: "/readyz")
        } catch {
            return HTTPResponse(error)
        }
        if readiness.isDraining.isSet {
            return HTTPResponse(.serviceUnavailable, Readiness.draining)
        }
        let alias = AliasName.orLive(request.queryValue("alias") ?? "")
        guard let error = unreadiness(model, alias) else { return HTTPResponse(.ok, "ok") }
        let status: HTTPResponseStatus = error.code == .notFound ? .notFound : .serviceUnavailable
        return HTTPResponse(status, error.message)
    }

    private func metrics(_ request: HTTPRequest, _ reply: HTTPReply) {
        do throws(Status) {
            try authorize(request)
        } catch {
            return reply.send(HTTPResponse(error))
        }
        guard scrapes.enter() else {
            return reply.send(
                HTTPResponse(.serviceUnavailable, "\(Self.maxScrapes) others are being answered")
            )
        }
        // The boundary from the loop; at most so many tasks as there may be scrapes.
        Task {
            defer { scrapes.leave() }
            guard let text = try? await work.run({ page.text() }) else {
                return reply.send(HTTPResponse(.serviceUnavailable, "the server is stopping"))
            }
            reply.send(
                HTTPResponse(
                    .ok,
                    contentType: Exposition.contentType,
                    body: ByteBuffer(string: text)
                )
            )
        }
    }

    /// Metrics name every model, so that a role on some of them is not enough.
    private func authorize(_ request: HTTPRequest) throws(Status) {
        if opensMetricsOnLoopback, request.isFromLoopback { return }
        let caller = Caller(principal: request.principal, list: access.current)
        try caller.authorizeEverywhere([.observer], method: "/metrics")
    }

    /// Counts the pages that are being made.
    private final class Scrapes: Sendable {
        // Relaxed: it is a bound, and orders no other memory.
        private let count = Atomic<Int>(0)

        func enter() -> Bool {
            guard count.wrappingAdd(1, ordering: .relaxed).newValue <= maxScrapes else {
                leave()
                return false
            }
            return true
        }

        func leave() { count.wrappingSubtract(1, ordering: .relaxed) }
    }
}

extension HTTPResponse {
    /// What a refused call is in HTTP.
    init(_ status: Status) {
        let code: HTTPResponseStatus =
            switch status.code {
            case .unauthenticated: .unauthorized
            case .notFound: .notFound
            default: .forbidden
            }
        self.init(code, status.message)
    }
}
