package import NIOCore

/// How messages flow in a method.
package enum MethodKind: Sendable, Hashable {
    /// One request, one response.
    case unary
    /// One request, many data frames back.
    case serverStreaming
    /// Many data frames, one response.
    case clientStreaming
    /// Data frames both ways.
    case bidirectional
}

/// Serves one unary call: answers it through ``Call/succeed(_:)`` or ``Call/fail(_:)``, at once
/// or later, from any thread.
///
/// It runs on the connection's event loop and must not block it. `payload` is a slice of the
/// received frame: holding it keeps the frame.
package typealias UnaryHandler = @Sendable (_ call: Call, _ payload: ByteBuffer) -> Void

/// One method of a service, as the server offers it.
package struct Method: Sendable {
    /// The fully qualified protobuf service name, without slashes.
    package let service: String
    /// The bare method name.
    package let name: String
    /// How messages flow. Kinds other than `unary` are answered UNIMPLEMENTED: their names are
    /// known, their streams are not served.
    package let kind: MethodKind
    /// Whether the method is served while the server drains, which refuses all others:
    /// a health check has to be able to say "not ready".
    package let servesWhileDraining: Bool
    /// Serves the calls.
    package let handler: UnaryHandler

    package init(
        service: String,
        name: String,
        kind: MethodKind = .unary,
        servesWhileDraining: Bool = false,
        handler: @escaping UnaryHandler
    ) {
        self.service = service
        self.name = name
        self.kind = kind
        self.servesWhileDraining = servesWhileDraining
        self.handler = handler
    }
}
