import Foundation
import Logging
import NIOCore
import NIOPosix
import TLS
import Wire

@testable import RPC

/// A server on a loopback port or a unix socket, for the length of `body`.
struct LiveServer {
    let server: RPCServer
    let calls: HeldCalls
    let identities: TestIdentities
    let group: MultiThreadedEventLoopGroup
    let port: Int
    let socketPath: String

    static func run(
        limits: RPCLimits = RPCLimits(),
        _ body: (LiveServer) async throws -> Void
    ) async throws {
        let calls = HeldCalls()
        let identities = try TestIdentities()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try RPCServer(
            router: Router(methods: TestMethods.all(holding: calls)),
            limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            group: group
        )
        let address = try await server.listen(
            host: "127.0.0.1",
            port: 0,
            tls: identities.server()
        )
        let socketPath = identities.path("socket")
        try await server.listen(unixSocket: socketPath)
        let live = LiveServer(
            server: server,
            calls: calls,
            identities: identities,
            group: group,
            port: address.port ?? 0,
            socketPath: socketPath
        )
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(live))
        } catch {
            result = .failure(error)
        }
        await server.drain(seconds: 0)
        try await group.shutdownGracefully()
        try result.get()
    }

    func connect(as name: String? = "alice") async throws -> ClientConnection {
        try await ClientConnection.connect(
            host: "127.0.0.1",
            port: port,
            tls: identities.client(named: name),
            group: group
        )
    }

    func connectLocally(limits: RPCLimits = RPCLimits()) async throws -> ClientConnection {
        try await ClientConnection.connect(unixSocket: socketPath, group: group, limits: limits)
    }
}

extension ClientConnection {
    /// Calls a method of the test service with text.
    func call(
        _ method: String,
        _ text: String = "",
        timeout: Duration? = nil
    ) async throws(Status) -> String {
        let reply = try await call(
            service: TestMethods.service,
            method: method,
            payload: ByteBuffer(string: text),
            timeout: timeout
        )
        return String(buffer: reply)
    }

    /// The code with which a call fails; nil if it does not.
    func failure(_ method: String, timeout: Duration? = nil) async -> StatusCode? {
        do throws(Status) {
            _ = try await call(method, timeout: timeout)
            return nil
        } catch {
            return error.code
        }
    }
}
