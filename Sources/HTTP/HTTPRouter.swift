package import NIOHTTP1
internal import Synchronization

/// Answers a request through its reply, at once or later. It runs on the connection's event loop
/// and must not block it.
package typealias HTTPHandler = @Sendable (_ request: HTTPRequest, _ reply: HTTPReply) -> Void

/// One resource: a method and a path that is matched byte for byte.
package struct HTTPRoute: Sendable {
    package let method: HTTPMethod
    package let path: String
    package let handler: HTTPHandler

    package init(_ method: HTTPMethod, _ path: String, handler: @escaping HTTPHandler) {
        self.method = method
        self.path = path
        self.handler = handler
    }
}

/// A resource with the size of its last answer, by which room for the next one is reserved.
final class HTTPResource: Sendable {
    /// The size that an answer is expected to have before the first one.
    static let expectedBytes = 64 << 10

    let handler: HTTPHandler
    // Relaxed: it is a measurement and orders no memory.
    private let bytes = Atomic(expectedBytes)

    init(_ handler: @escaping HTTPHandler) {
        self.handler = handler
    }

    var answerBytes: Int { bytes.load(ordering: .relaxed) }

    func answered(_ count: Int) { bytes.store(count, ordering: .relaxed) }
}

/// Finds what answers a request. Immutable, shared by all connections.
package struct HTTPRouter: Sendable {
    /// What a lookup found.
    enum Lookup {
        case found(HTTPResource)
        case unknownPath
        /// The path exists; these are its methods.
        case wrongMethod(allowed: [String])
    }

    private var routes: [String: [String: HTTPResource]] = [:]

    /// A later route takes the place of an earlier one with the same method and path.
    package init(_ list: [HTTPRoute]) {
        for route in list {
            routes[route.path, default: [:]][route.method.rawValue] = HTTPResource(
                route.handler
            )
        }
    }

    /// HEAD is answered as GET is, where it has no route of its own: its body is not sent.
    func lookup(_ method: HTTPMethod, _ path: String) -> Lookup {
        guard let methods = routes[path] else { return .unknownPath }
        if let resource = methods[method.rawValue] { return .found(resource) }
        let get = methods[HTTPMethod.GET.rawValue]
        if method == .HEAD, let get { return .found(get) }
        let head = get == nil ? [] : [HTTPMethod.HEAD.rawValue]
        return .wrongMethod(allowed: Set(methods.keys).union(head).sorted())
    }
}
