internal import HTTP
internal import Metrics
internal import NIOCore
internal import NIOHTTP1
internal import RPC
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
    /// Whether callers from this machine's loopback read metrics without a certificate.
    let opensMetricsOnLoopback: Bool
    private let scrapes = Scrapes()

    init(
        readiness: Readiness,
        access: AccessFile,
        work: BlockingWork,
        page: MetricsPage,
        opensMetricsOnLoopback: Bool
    ) {
        self.readiness = readiness
        self.access = access
        self.work = work
        self.page = page
        self.opensMetricsOnLoopback = opensMetricsOnLoopback
    }

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.GET, "/healthz") { _, reply in reply.send(HTTPResponse(.ok, "ok")) },
            HTTPRoute(.GET, "/readyz") { _, reply in reply.send(ready) },
            HTTPRoute(.GET, "/metrics", handler: metrics),
        ]
    }

    /// As `Health.Check` without a model.
    private var ready: HTTPResponse {
        guard let reason = readiness.reason else { return HTTPResponse(.ok, "ok") }
        return HTTPResponse(.serviceUnavailable, reason)
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
        self.init(
            status.code == .unauthenticated ? .unauthorized : .forbidden,
            status.message
        )
    }
}
