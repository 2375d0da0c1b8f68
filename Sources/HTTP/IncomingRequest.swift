internal import NIOCore
internal import NIOHTTP1

extension HTTPRequestHead {
    /// Whether the client asks for another protocol on the connection (RFC 9110, sections 7.8 and
    /// 9.3.6). None is offered: the request is answered, and the connection closed.
    var asksForUpgrade: Bool { method == .CONNECT || headers.contains(name: "upgrade") }
}

/// A request while it comes in: what is wrong with it is known as early as it can be.
struct IncomingRequest {
    let head: HTTPRequestHead
    private var bodyBytes = 0

    init(_ head: HTTPRequestHead) {
        self.head = head
    }

    /// Why the head is refused; nil: it is not.
    func refusal(_ limits: HTTPLimits) -> HTTPResponse? {
        guard head.uri.utf8.count <= limits.maxTargetBytes else {
            return HTTPResponse(
                .uriTooLong,
                "the target has \(head.uri.utf8.count) bytes, at most \(limits.maxTargetBytes) "
                    + "are taken"
            )
        }
        guard head.version.major == 1 else {
            return HTTPResponse(.httpVersionNotSupported, "HTTP/1.1 is spoken here")
        }
        let hosts = head.headers[canonicalForm: "host"].count
        guard hosts == 1 || (hosts == 0 && head.version.minor == 0) else {
            return HTTPResponse(.badRequest, "one Host header field was expected")
        }
        guard Self.path(of: head.uri) != nil else {
            return HTTPResponse(.badRequest, "the target must begin with a slash")
        }
        return hasTooLongBody(limits) ? Self.tooLong(limits) : nil
    }

    /// Takes part of the body.
    /// - Returns: why the request is refused; nil: it is not.
    mutating func receive(_ body: ByteBuffer, _ limits: HTTPLimits) -> HTTPResponse? {
        bodyBytes += body.readableBytes
        return bodyBytes > limits.maxBodyBytes ? Self.tooLong(limits) : nil
    }

    /// What the head says of the body's length. One in chunks has none that is known, and is
    /// refused where none is taken at all.
    private func hasTooLongBody(_ limits: HTTPLimits) -> Bool {
        if head.headers.contains(name: "transfer-encoding") { return limits.maxBodyBytes == 0 }
        guard let length = head.headers.first(name: "content-length") else { return false }
        return Int(length).map { $0 > limits.maxBodyBytes } ?? true
    }

    private static func tooLong(_ limits: HTTPLimits) -> HTTPResponse {
        HTTPResponse(
            .payloadTooLarge,
            "a body of at most \(limits.maxBodyBytes) bytes is taken here"
        )
    }

    /// Path and query of a target in origin form, or in absolute form (RFC 9112, section 3.2).
    static func path(of target: String) -> (path: String, query: String)? {
        var rest = Substring(target)
        for scheme in ["https://", "http://"] where rest.lowercased().hasPrefix(scheme) {
            rest = rest.dropFirst(scheme.count).drop { $0 != "/" }
            break
        }
        guard rest.hasPrefix("/") else { return nil }
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
}
