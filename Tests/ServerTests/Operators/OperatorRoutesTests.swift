import Foundation
import HTTP
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import RPC
import Synchronization
import Testing

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
            path: file.path,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func get(
        _ path: String,
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
                connections: ConnectionMeter()
            ),
            opensMetricsOnLoopback: isOpen
        ).routes
        let route = try #require(routes.first { $0.path == path })
        let request = HTTPRequest(
            method: .GET,
            path: path,
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
