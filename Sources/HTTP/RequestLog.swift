internal import Logging
internal import NIOHTTP1
internal import RPC

/// As for calls: one line for each request that fails, which at the default level nobody can cause
/// without a certificate.
struct RequestLog {
    let logger: Logger
    let principal: Principal

    /// Says how a request was answered, if that is worth a line.
    func answered(_ head: HTTPRequestHead?, _ status: HTTPResponseStatus) {
        guard status.code >= 400 else { return }
        logger.log(
            level: principal == .anonymous ? .debug : .info,
            "request failed",
            metadata: [
                "http.method": "\(head?.method.rawValue ?? "")",
                "http.target": "\(head?.uri.prefix(HTTPLimits.maxLoggedTarget) ?? "")",
                "http.status": "\(status.code)",
                "principal": "\(principal.text)",
            ]
        )
    }
}
