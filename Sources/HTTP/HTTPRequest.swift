package import NIOCore
package import NIOHTTP1
package import RPC

/// A request without a body, whole and within its limits.
package struct HTTPRequest: Sendable {
    /// GET, HEAD ...
    package var method: HTTPMethod
    /// As it was sent, without the query; begins with a slash. Nothing in it is decoded.
    package var path: String
    /// What follows the question mark; empty without one.
    package var query: String
    /// The header fields in the order sent.
    package var headers: HTTPHeaders
    /// Who asks, as the transport proved it.
    package var principal: Principal
    /// Whether the peer's address is one of this machine's loopback.
    package var isFromLoopback: Bool

    package init(
        method: HTTPMethod,
        path: String,
        query: String = "",
        headers: HTTPHeaders = [:],
        principal: Principal,
        isFromLoopback: Bool
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.principal = principal
        self.isFromLoopback = isFromLoopback
    }
}

extension HTTPRequest {
    /// The first value of a field of the query, decoded; nil if there is none, or if its bytes are
    /// no UTF-8 or its escapes are incomplete.
    package func queryValue(_ name: String) -> String? {
        for field in query.utf8.split(separator: UInt8(ascii: "&")) {
            let parts = field.split(
                separator: UInt8(ascii: "="),
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard parts[0].elementsEqual(name.utf8) else { continue }
            return parts.count == 2 ? Self.decoded(parts[1]) : ""
        }
        return nil
    }

    /// RFC 3986, section 2.1.
    private static func decoded(_ text: Substring.UTF8View) -> String? {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue),
                let low = rest.popFirst().flatMap(hexValue)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}

/// What a request is answered with.
package struct HTTPResponse: Sendable, Equatable {
    package var status: HTTPResponseStatus
    /// The media type of the body.
    package var contentType: String
    /// Fields besides the type, the length and those of the connection.
    package var headers: HTTPHeaders
    package var body: ByteBuffer

    package init(
        _ status: HTTPResponseStatus,
        contentType: String,
        headers: HTTPHeaders = [:],
        body: ByteBuffer
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    /// One line of text.
    package init(_ status: HTTPResponseStatus, _ line: String, headers: HTTPHeaders = [:]) {
        self.init(
            status,
            contentType: "text/plain; charset=utf-8",
            headers: headers,
            body: ByteBuffer(string: line + "\n")
        )
    }

    /// Whether the connection is closed with it: whoever sends what cannot be answered is not
    /// listened to any longer.
    var closes: Bool { (400..<500).contains(status.code) }
}

/// The one answer of a request.
package struct HTTPReply: Sendable {
    private let body: @Sendable (HTTPResponse) -> Void

    package init(_ body: @escaping @Sendable (HTTPResponse) -> Void) {
        self.body = body
    }

    /// Answers, from any thread; what comes after the first is dropped.
    package func send(_ response: HTTPResponse) { body(response) }
}
