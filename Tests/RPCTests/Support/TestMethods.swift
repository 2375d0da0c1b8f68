import Logging
import NIOCore
import Synchronization
import Wire

@testable import RPC

/// The methods that the tests' servers offer, as `test.Service`.
enum TestMethods {
    static let service = "test.Service"

    /// `Echo` answers at once with what it got; `Hold` answers when the test says; `Fail` fails
    /// at once; `Who` tells the principal; `Health` is served while draining; `Stream` and `Up`
    /// are streaming methods.
    static func all(holding calls: HeldCalls) -> [RPC.Method] {
        [
            method("Echo") { call, payload in call.succeed(payload) },
            method("Hold") { call, _ in calls.add(call) },
            method("Fail") { call, _ in call.fail(Status(.notFound, "no such thing")) },
            method("Who") { call, _ in call.succeed(ByteBuffer(string: call.principal.text)) },
            RPC.Method(service: service, name: "Health", servesWhileDraining: true) { call, _ in
                call.succeed(ByteBuffer(string: "live"))
            },
            method("Stream", kind: .serverStreaming) { call, _ in call.succeed(ByteBuffer()) },
            method("Up", kind: .clientStreaming) { call, _ in call.succeed(ByteBuffer()) },
        ]
    }

    static func method(
        _ name: String,
        kind: MethodKind = .unary,
        handler: @escaping UnaryHandler
    ) -> RPC.Method {
        RPC.Method(service: service, name: name, kind: kind, handler: handler)
    }
}

/// Calls that a test answers itself.
final class HeldCalls: Sendable {
    private struct State {
        var calls: [Call] = []
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func add(_ call: Call) {
        let ready = state.withLock { state in
            state.calls.append(call)
            let count = state.calls.count
            let ready = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    func removeAll() { state.withLock { $0.calls = [] } }

    var all: [Call] { state.withLock { $0.calls } }

    /// Returns all calls once there are as many.
    func wait(for count: Int) async -> [Call] {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                guard state.calls.count < count else { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
        return all
    }
}

extension Call {
    /// Returns once the call is cancelled.
    func whenCancelled() async {
        await withCheckedContinuation { continuation in
            onCancel { continuation.resume() }
        }
    }
}

/// Keeps what is logged.
final class LogRecorder: LogHandler, Sendable {
    struct Line: Sendable {
        var level: Logger.Level
        var message: String
        var metadata: [String: String]
    }

    private let recorded = Mutex<[Line]>([])

    var lines: [Line] { recorded.withLock { $0 } }

    func log(event: LogEvent) {
        let metadata = (event.metadata ?? [:]).mapValues(\.description)
        let line = Line(
            level: event.level,
            message: event.message.description,
            metadata: metadata
        )
        recorded.withLock { $0.append(line) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
}
