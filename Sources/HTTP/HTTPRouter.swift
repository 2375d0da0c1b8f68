package import NIOHTTP1

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

/// Finds what answers a request. Immutable, shared by all connections.
package struct HTTPRouter: Sendable {
    /// What a lookup found.
    enum Lookup {
        case found(HTTPHandler)
        case unknownPath
        /// The path exists; these are its methods.
        case wrongMethod(allowed: [String])
    }

    private var routes: [String: [String: HTTPHandler]] = [:]

    /// A later route takes the place of an earlier one with the same method and path.
    package init(_ list: [HTTPRoute]) {
        for route in list {
            routes[route.path, default: [:]][route.method.rawValue] = route.handler
        }
    }

    /// HEAD is answered as GET is, where it has no route of its own: its body is not sent.
    func lookup(_ method: HTTPMethod, _ path: String) -> Lookup {
        guard let methods = routes[path] else { return .unknownPath }
        if let handler = methods[method.rawValue] { return .found(handler) }
        let get = methods[HTTPMethod.GET.rawValue]
        if method == .HEAD, let get { return .found(get) }
        let head = get == nil ? [] : [HTTPMethod.HEAD.rawValue]
        return .wrongMethod(allowed: Set(methods.keys).union(head).sorted())
    }
}
