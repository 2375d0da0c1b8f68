internal import Dispatch
package import Engine
internal import Sealing
internal import Synchronization

/// Engine hosts that wait, with the runtime's library loaded and no model.
///
/// One thread starts all hosts of the pool, those that are not spares too: the kernel ends a host
/// when the thread that started it ends. The thread lasts for as long as the pool, and a host that
/// was taken is to be ended before the pool goes.
package final class SparePool: Sendable {
    /// Seconds before a spare that ended by itself is replaced: the first, doubled each time up to
    /// the last.
    private static let pauseSeconds = 1...60

    private struct State {
        var spares: [HostProcess] = []
        /// Spares that ended by themselves, one after the other.
        var losses = 0
        /// Whether the replacement waits for its pause to end.
        var isPausing = false
        var isClosed = false
    }

    private let setup: HostSetup
    private let count: Int
    private let track: @Sendable (Int32, Bool) -> Void
    private let starter = LastingThread(.inherited, name: "host-starter")
    private let kills = OutOfMemoryKills()
    private let state = Mutex(State())

    /// Makes an empty pool.
    ///
    /// - Parameters:
    ///   - count: The spares that ``fill()`` keeps; 0: every host is started when it is asked for.
    ///   - track: Gets the id of each process when it was started, with true, and when it was
    ///     reaped, with false.
    package init(
        _ setup: HostSetup,
        count: Int,
        track: @escaping @Sendable (_ id: Int32, _ lives: Bool) -> Void
    ) {
        self.setup = setup
        self.track = track
        self.count = count
    }

    deinit { close() }

    /// Begins to start the spares that are missing; returns at once.
    package func fill() {
        starter.begin { [weak self] in self?.startMissing() }
    }

    /// Takes a spare, or starts a host. It may not be ready yet.
    ///
    /// - Throws: `unavailable` if no host can be started.
    package func take() throws(EngineError) -> HostProcess {
        let spare = state.withLock { state in
            state.spares.isEmpty ? nil : state.spares.removeFirst()
        }
        defer { fill() }
        // One that has just ended is found out by the load.
        if let spare, spare.end == nil { return spare }
        return try starter.run { [self] in
            Result { () throws(EngineError) -> HostProcess in try start() }
        }.get()
    }

    /// Ends the spares and starts no more.
    package func close() {
        let spares = state.withLock { state in
            state.isClosed = true
            defer { state.spares = [] }
            return state.spares
        }
        for spare in spares { spare.kill(.released) }
    }

    /// Notes that a host has said that it is ready: hosts can be started.
    package func noteGoodStart() {
        state.withLock { $0.losses = 0 }
    }

    /// Starts a host. On the starter's thread.
    private func start() throws(EngineError) -> HostProcess {
        let host = try HostProcess(setup, kills: kills)
        let id = host.process.id
        track(id, true)
        host.whenEnded { [track] _ in track(id, false) }
        return host
    }

    private var isMissingOne: Bool {
        state.withLock { !$0.isClosed && !$0.isPausing && $0.spares.count < count }
    }

    private func startMissing() {
        while isMissingOne {
            do throws(EngineError) {
                let spare = try start()
                let isKept = state.withLock { state in
                    if !state.isClosed { state.spares.append(spare) }
                    return !state.isClosed
                }
                guard isKept else { return spare.kill(.released) }
                spare.whenEnded { [weak self, weak spare] _ in
                    if let spare { self?.lost(spare) }
                }
            } catch {
                pause()
            }
        }
    }

    /// A host has ended. One that was taken concerns the pool no more.
    private func lost(_ spare: HostProcess) {
        let wasWaiting = state.withLock { state in
            let index = state.spares.firstIndex { $0 === spare }
            if let index { state.spares.remove(at: index) }
            return index != nil
        }
        if wasWaiting { pause() }
    }

    /// Has spares started after a pause, which grows with each loss.
    private func pause() {
        let seconds: Int? = state.withLock { state in
            guard !state.isPausing, !state.isClosed else { return nil }
            state.isPausing = true
            defer { state.losses += 1 }
            return min(
                Self.pauseSeconds.lowerBound << min(state.losses, 16),
                Self.pauseSeconds.upperBound
            )
        }
        guard let seconds else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) { [weak self] in
            self?.state.withLock { $0.isPausing = false }
            self?.fill()
        }
    }
}
