internal import NIOCore
internal import RPC
internal import Wire

/// Refuses callers without a certificate before a byte of their message is looked at.
struct CertificateInterceptor: Interceptor {
    /// Paths that answer everybody.
    let open: Set<String>

    func intercept(_ call: Call, _ payload: ByteBuffer, next: UnaryHandler) {
        guard call.principal != .anonymous || open.contains(call.path) else {
            return call.fail(.certificateNeeded)
        }
        next(call, payload)
    }
}

extension Status {
    static let certificateNeeded = Status(
        .unauthenticated,
        "a client certificate of this server's CA is needed"
    )
}
