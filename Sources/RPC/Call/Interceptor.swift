package import NIOCore

/// Stands between the connection and every method: access rules, metrics, tracing.
///
/// Interceptors run in the order in which the router got them, on the connection's loop. One
/// either calls `next`, or answers the call itself. They are composed once, at start-up; a call
/// costs one closure call for each.
package protocol Interceptor: Sendable {
    /// Looks at a call before its method does.
    func intercept(_ call: Call, _ payload: ByteBuffer, next: UnaryHandler)
}
