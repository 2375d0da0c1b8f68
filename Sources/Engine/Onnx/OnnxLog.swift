internal import COnnxRuntime
internal import Synchronization
internal import Text

/// What the runtime writes its log to. What went wrong is in the status of a call, so nothing is
/// kept of it; one thing is told nowhere else: that an initializer was copied.
///
/// The runtime copies what it is given by `AddExternalInitializers` one after the other, before
/// it does anything else with the model, and says so in its log after each. From there on it does
/// not read the bytes of ours again, so that they need not stay until all are copied.
final class OnnxLog: Sendable {
    private struct Listeners {
        var count: UInt64 = 0
        var bySession: [String: @Sendable (ExactString) -> Void] = [:]
    }

    private let listeners = Mutex(Listeners())

    /// The beginning of the versions whose log is known to say it, and to mean it. With others
    /// nobody hears anything, and the bytes stay until the session is made.
    private static let knownVersions = "1.32."
    /// The function of the runtime that copies, at the end of a message's place. Unlike a
    /// message, it cannot be what a model's author wrote.
    private static let place: ExactString = " InjectExternalInitializedTensors"
    private static let message: ExactString = "Replaced external initializer: "

    /// Whether a version of the runtime tells what it has copied.
    static func tellsCopies(version: String) -> Bool { version.hasPrefix(knownVersions) }

    /// Makes the runtime's environment, which is never released, and writes here.
    @unsafe
    func makeEnvironment(
        _ api: UnsafePointer<OrtApi>,
        _ out: UnsafeMutablePointer<OpaquePointer?>
    ) -> OpaquePointer? {
        unsafe ort_CreateEnvWithCustomLogger(
            api,
            { log, _, _, session, place, message in
                guard let log = unsafe log, let session = unsafe session,
                    let place = unsafe place, let message = unsafe message
                else { return }
                unsafe Unmanaged<OnnxLog>.fromOpaque(log).takeUnretainedValue().take(
                    session: String(cString: session),
                    place: String(cString: place),
                    message: String(cString: message)
                )
            },
            Unmanaged.passRetained(self).toOpaque(),
            OrtLoggingLevel(ORT_LOG_FATAL),
            "strongroom",
            out
        )
    }

    /// Listens while a session is made.
    ///
    /// - Parameters:
    ///   - heard: Called with the name of each initializer that was copied, on the thread that
    ///     makes the session.
    ///   - body: Makes it, with this name for its log.
    func whileListening<Result>(
        _ heard: @escaping @Sendable (ExactString) -> Void,
        _ body: (_ session: String) throws(OnnxFailure) -> Result
    ) throws(OnnxFailure) -> Result {
        let session = listeners.withLock { listeners in
            listeners.count += 1
            let session = "load-\(listeners.count)"
            listeners.bySession[session] = heard
            return session
        }
        defer { listeners.withLock { $0.bySession[session] = nil } }
        return try body(session)
    }

    /// Takes one message.
    func take(session: String, place: String, message: String) {
        guard ExactString(place).hasSuffix(Self.place),
            let name = ExactString(message).dropping(prefix: Self.message)
        else { return }
        let heard = listeners.withLock { $0.bySession[session] }
        heard?(name)
    }
}
