package import Metrics
internal import NIOCore

/// Finds a method by the bytes of its names, without making a string of them.
///
/// An immutable open-addressed table, built at start-up and shared by all connections without a
/// lock: probing compares 64-bit hashes first and bytes only on a match, so that a lookup
/// touches one slot in nearly every case.
package final class Router: Sendable {
    /// The longest service or method name, in bytes.
    package static let maxNameBytes = 512

    /// What a lookup found.
    enum Lookup {
        case found(Route)
        /// The service exists, the method does not.
        case unknownMethod
        case unknownService
    }

    /// Power-of-two sized, at most half full.
    private let slots: [Route?]
    private let services: [[UInt8]]
    /// Of the calls of all methods.
    package let failures = FailureLog()

    /// - Throws: ``RPCError`` `invalidMethod` for a method that is there twice, and for a name
    ///   that is empty, too long, or holds a slash.
    package init(methods: [Method], interceptors: [any Interceptor] = []) throws(RPCError) {
        var capacity = 16
        while capacity < methods.count * 2 { capacity *= 2 }
        var slots = [Route?](repeating: nil, count: capacity)
        var services: [[UInt8]] = []
        for method in methods {
            try Self.check(method)
            let route = Route(method, interceptors: interceptors, failures: failures)
            var index = route.hash & (capacity - 1)
            while let other = slots[index] {
                guard other.service != route.service || other.name != route.name else {
                    throw RPCError(.invalidMethod, "\(route.path) is there twice")
                }
                index = (index + 1) & (capacity - 1)
            }
            slots[index] = route
            if !services.contains(route.service) { services.append(route.service) }
        }
        self.slots = slots
        self.services = services
    }

    /// What counts the calls of each method, by `/service/name`, sorted by it.
    package var meters: [(path: String, meter: CallMeter)] {
        slots.compactMap { $0 }.map { ($0.path, $0.meter) }.sorted { $0.path < $1.path }
    }

    /// The time from the read of a request to its answer, of the calls of each method that were
    /// answered RESOURCE_EXHAUSTED, by `/service/name`, sorted by it.
    package var refusals: [(path: String, latency: Histogram.Snapshot)] {
        slots.compactMap { $0 }.map { ($0.path, $0.refusals.snapshot) }.sorted { $0.path < $1.path }
    }

    private static func check(_ method: Method) throws(RPCError) {
        for name in [method.service, method.name] {
            guard (1...maxNameBytes).contains(name.utf8.count), !name.utf8.contains(0x2F) else {
                throw RPCError(
                    .invalidMethod,
                    "\"\(method.service)\" \"\(method.name)\": expected names of "
                        + "1...\(maxNameBytes) bytes without a slash"
                )
            }
        }
    }

    /// Finds the method that the bytes name.
    func lookup(service: ByteBuffer, method: ByteBuffer) -> Lookup {
        let service = service.readableBytesUInt8Span
        let method = method.readableBytesUInt8Span
        let mask = slots.count - 1
        let hash = Route.hash(service, method)
        var index = hash & mask
        while let route = slots[index] {
            if route.hash == hash, Self.equal(route.name, method),
                Self.equal(route.service, service)
            {
                return .found(route)
            }
            index = (index + 1) & mask
        }
        for known in services where Self.equal(known, service) {
            return .unknownMethod
        }
        return .unknownService
    }

    private static func equal(_ name: [UInt8], _ span: Span<UInt8>) -> Bool {
        guard name.count == span.count else { return false }
        for index in name.indices where name[index] != span[index] {
            return false
        }
        return true
    }
}

/// One entry of the table: a method with its interceptors composed around it.
final class Route: Sendable {
    let service: [UInt8]
    let name: [UInt8]
    let hash: Int
    /// `/service/name`, for logs; made once.
    let path: String
    let method: Method
    /// Counts the calls that nothing else counts.
    let meter = CallMeter()
    /// Of calls that were answered RESOURCE_EXHAUSTED.
    let refusals = Histogram(.latency)
    let failures: FailureLog
    /// The interceptors around the method's handler.
    let handler: UnaryHandler

    init(
        _ method: Method,
        interceptors: [any Interceptor],
        failures: FailureLog = FailureLog()
    ) {
        self.method = method
        self.failures = failures
        let service = Array(method.service.utf8)
        let name = Array(method.name.utf8)
        hash = Self.hash(service.span, name.span)
        self.service = service
        self.name = name
        path = "/\(method.service)/\(method.name)"
        handler = interceptors.reversed().reduce(method.handler) { next, interceptor in
            { call, payload in interceptor.intercept(call, payload, next: next) }
        }
    }

    /// FNV-1a over both names, a slash between them; never negative. The table never grows after
    /// start-up and its keys are ours, so a hash that an outsider can predict harms nobody.
    static func hash(_ service: Span<UInt8>, _ method: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in service.indices { hash = (hash ^ UInt64(service[index])) &* 0x100_0000_01B3 }
        hash = (hash ^ 0x2F) &* 0x100_0000_01B3
        for index in method.indices { hash = (hash ^ UInt64(method[index])) &* 0x100_0000_01B3 }
        // FNV's low bits are its weakest; the index is taken from them.
        return Int(truncatingIfNeeded: (hash ^ (hash >> 32)) & 0x7FFF_FFFF_FFFF_FFFF)
    }
}
