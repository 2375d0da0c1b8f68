internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import RPC
internal import Synchronization
internal import TLS
package import Wire

/// A connection to a Strongroom server.
///
/// Any number of calls may be under way at once. A connection that was lost stays lost: connect
/// anew.
///
/// ```swift
/// let client = try await StrongroomClient.connect(
///     to: .init(host: "127.0.0.1", port: 8443, authority: "ca.pem",
///         certificate: "me.pem", key: "me-key.pem"))
/// let answer = try await client.predict(
///     model: "sentiment", inputs: [Tensor(name: "text", strings: ["A fine film."])])
/// ```
public final class StrongroomClient: Sendable {
    /// Where a server is, and who calls.
    public struct Endpoint: Sendable {
        /// A name or an address; the server's certificate must be for it.
        public var host: String
        /// The TCP port.
        public var port: Int
        /// Path of the PEM file of the CA that signed the server's certificate.
        public var authority: String
        /// Path of the caller's certificate (PEM); nil: none, which `Health.Check` alone accepts.
        public var certificate: String?
        /// Path of the certificate's key (PEM, mode 0400 or 0600).
        public var key: String?

        /// Names an endpoint.
        public init(
            host: String,
            port: Int,
            authority: String,
            certificate: String? = nil,
            key: String? = nil
        ) {
            self.host = host
            self.port = port
            self.authority = authority
            self.certificate = certificate
            self.key = key
        }
    }

    private let connection: ClientConnection
    /// The sizes of messages that the server stated; nil: it was not asked yet.
    let limits = Mutex<V1.Limits?>(nil)

    private init(connection: ClientConnection) {
        self.connection = connection
    }

    /// Connects.
    /// - Throws: ``StrongroomError`` `UNAVAILABLE` when nobody answers or the handshake fails;
    ///   `INVALID_ARGUMENT` when a certificate or key cannot be used.
    public static func connect(to endpoint: Endpoint) async throws -> StrongroomClient {
        let context: TLSContext
        do {
            context = try TLSContext.client(
                authorityPath: endpoint.authority,
                certificatePath: endpoint.certificate,
                keyPath: endpoint.key
            )
        } catch {
            throw StrongroomError(.invalidArgument, error.message)
        }
        // The server decides on the sizes that it takes and sends.
        var limits = RPCLimits()
        limits.maxSendBytes = RPCLimits.frameCeilingBytes
        limits.maxReceiveBytes = RPCLimits.frameCeilingBytes
        do {
            return StrongroomClient(
                connection: try await ClientConnection.connect(
                    host: endpoint.host,
                    port: endpoint.port,
                    tls: context,
                    limits: limits
                )
            )
        } catch let status as Status {
            throw StrongroomError(status)
        } catch {
            throw StrongroomError(
                .unavailable,
                "\(endpoint.host):\(endpoint.port) cannot be reached: \(Self.reason(error))"
            )
        }
    }

    /// The last cause of a failed connection, without the machinery around it.
    private static func reason(_ error: any Error) -> String {
        if let error = error as? TLSError { return error.message }
        guard let error = error as? NIOConnectionError else { return "\(error)" }
        guard let last = error.connectionErrors.last?.error else { return "its name is unknown" }
        guard let system = last as? IOError else { return "\(last)" }
        return unsafe String(cString: strerror(system.errnoCode))
    }

    /// Ends the connection; calls that wait fail with `UNAVAILABLE`.
    public func close() async {
        await connection.close()
    }

    /// Calls a method of the contract.
    package func call<Request: WireMessage, Response: WireMessage>(
        _ service: String,
        _ method: String,
        _ request: Request,
        returning: Response.Type = Response.self,
        timeout: Duration = Timeouts.call
    ) async throws -> Response {
        var payload = ByteBuffer()
        request.encode(into: &payload)
        return try await call(service, method, payload: payload, timeout: timeout)
    }

    /// Calls a method of the contract with an encoded request.
    func call<Response: WireMessage>(
        _ service: String,
        _ method: String,
        payload: ByteBuffer,
        timeout: Duration
    ) async throws -> Response {
        do {
            let reply = try await connection.call(
                service: "strongroom.v1." + service,
                method: method,
                payload: payload,
                timeout: timeout
            )
            return try Response(decoding: reply)
        } catch let status as Status {
            throw StrongroomError(status)
        } catch let error as WireError {
            throw StrongroomError(error.status)
        }
    }
}
