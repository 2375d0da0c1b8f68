import Foundation
import HTTP
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import RPC
import Synchronization
import Testing
import Text

@testable import Server
@testable import Serving

@Suite("HTTP for operators", .timeLimit(.minutes(1)))
final class OperatorRoutesTests {
    private let folder: URL
    private let access: AccessFile
    private let work = BlockingWork()
    private let readiness = Readiness()

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("strongroom-operators-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("access.json")
        let list = AccessList(grants: [
            Grant(principal: "cert:olga", role: .observer, models: .any),
            Grant(principal: "cert:adam", role: .admin, models: .any),
            Grant(principal: "cert:paul", role: .publisher, models: .any),
            Grant(principal: "cert:some", role: .observer, models: ModelPattern("some*")),
        ])
        try Data(list.json.utf8).write(to: file)
        access = try AccessFile(
            file.path,
            in: folder.path,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func get(
        _ path: String,
        query: String = "",
        as principal: Principal = .anonymous,
        fromLoopback: Bool = true,
        isOpen: Bool = false
    ) async throws -> HTTPResponse {
        let routes = OperatorRoutes(
            readiness: readiness,
            access: access,
            work: work,
            page: MetricsPage(
                serving: { ServingFigures(loads: Histogram(.duration).snapshot, failedLoads: 0) },
                router: try Router(methods: []),
                connections: ConnectionMeter(),
                replies: HeldReplies(limits: RPCLimits()),
                hasRegistryFault: { false },
                clamping: PriorityClamping()
            ),
            unreadiness: { model, alias in
                switch (model, alias) {
                case ("some-model", "live"): nil
                case ("some-model", "next"): ServingError(.unavailable, "next is loading")
                default: .unknownModel(model)
                }
            },
            opensMetricsOnLoopback: isOpen
        ).routes
        let route = try #require(routes.first { $0.path == path })
        let request = HTTPRequest(
            method: .GET,
            path: path,
            query: query,
            principal: principal,
            isFromLoopback: fromLoopback
        )
        return await withCheckedContinuation { continuation in
            route.handler(request, HTTPReply { continuation.resume(returning: $0) })
        }
    }

    @Test("healthz says that the process lives, whatever else")
    func health() async throws {
        #expect(try await get("/healthz") == HTTPResponse(.ok, "ok"))
        readiness.isDraining.set()
        #expect(try await get("/healthz") == HTTPResponse(.ok, "ok"))
    }

    @Test("readyz says why the server does not answer calls")
    func ready() async throws {
        #expect(
            try await get("/readyz")
                == HTTPResponse(.serviceUnavailable, "the first loads are under way")
        )
        readiness.isReconciled.set()
        #expect(try await get("/readyz") == HTTPResponse(.ok, "ok"))
        readiness.isDraining.set()
        #expect(
            try await get("/readyz")
                == HTTPResponse(.serviceUnavailable, "the server is shutting down")
        )
    }

    @Test("readyz says of an alias whether it answers, also while others are loaded")
    func aliasReady() async throws {
        let some = Principal.certificate("some")
        func status(_ query: String, as principal: Principal) async throws -> UInt {
            try await get("/readyz", query: query, as: principal).status.code
        }
        #expect(try await status("model=some-model", as: some) == 200)
        #expect(try await status("alias=live&model=some%2Dmodel", as: some) == 200)
        let loading = try await get("/readyz", query: "model=some-model&alias=next", as: some)
        #expect(loading == HTTPResponse(.serviceUnavailable, "next is loading"))
        #expect(try await status("model=some-other", as: some) == 404)
        // As for a call: no grant on the model is no model.
        #expect(try await status("model=other", as: some) == 404)
        #expect(try await status("model=some-model", as: .anonymous) == 401)
        #expect(try await status("model=", as: .anonymous) == 503)
        readiness.isDraining.set()
        #expect(try await status("model=some-model", as: some) == 503)
    }

    @Test(
        "a field of a query is decoded",
        arguments: [
            ("model=a", "a"), ("x=1&model=a%2fb&model=c", "a/b"), ("model", ""), ("", nil),
            ("Model=a", nil), ("model=%4", nil), ("model=%zz", nil), ("model=%ff", nil),
            ("model=a=b", "a=b"), ("=a&model=", ""),
        ] as [(String, String?)]
    )
    func query(text: String, value: String?) {
        let request = HTTPRequest(
            method: .GET,
            path: "/",
            query: text,
            principal: .anonymous,
            isFromLoopback: true
        )
        #expect(request.queryValue("model") == value)
    }

    @Test(
        "metrics are for observers and admins of all models",
        arguments: [
            ("olga", 200), ("adam", 200), ("paul", 403), ("some", 403), ("nobody", 403),
        ]
    )
    func roles(name: String, status: Int) async throws {
        for isOpen in [false, true] {
            let response = try await get(
                "/metrics",
                as: .certificate(name),
                fromLoopback: false,
                isOpen: isOpen
            )
            #expect(Int(response.status.code) == status)
        }
    }

    @Test("without a certificate metrics are for loopback alone, and only if that is chosen")
    func loopback() async throws {
        #expect(try await get("/metrics").status == .unauthorized)
        #expect(try await get("/metrics", fromLoopback: false).status == .unauthorized)
        #expect(
            try await get("/metrics", fromLoopback: false, isOpen: true).status == .unauthorized
        )
        let open = try await get("/metrics", isOpen: true)
        #expect(open.status == .ok)
        #expect(open.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(String(buffer: open.body).contains("\nprocess_resident_memory_bytes "))
    }
}
