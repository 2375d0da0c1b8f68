internal import Engine
internal import Synchronization

/// The thread of one lane in the host.
final class LaneWorker: Sendable {
    private struct State {
        var model: (any InferenceModel)?
        /// The run under way and what ends it.
        var running: (number: UInt32, stop: RunStop)?
        /// The latest run that was to be ended, in case its notice comes before it.
        var terminated: UInt32?
        /// Areas that have come and are not taken yet.
        var areas: [UInt32: SharedMemory] = [:]
    }

    private let index: Int
    private let lane: LaneMemory
    private let memory: SharedMemory
    private let state = Mutex(State())
    /// Signalled by the thread.
    private let hasStarted = CountingSemaphore()
    /// Signalled by a model, and by the end.
    private let isServing = CountingSemaphore()
    /// Counts areas that came.
    private let areasCame = CountingSemaphore()
    private let isOver = Atomic(false)

    init(_ index: Int, in memory: SharedMemory) {
        self.index = index
        self.memory = memory
        lane = LaneMemory(index, in: memory)
    }

    // MARK: From other threads

    /// - Returns: Whether the system had a thread.
    func start() -> Bool {
        WorkerThread.begin("lane-\(index)") {
            self.hasStarted.signal()
            self.work()
        }
    }

    func awaitStart() { hasStarted.wait() }

    func serve(_ model: any InferenceModel) {
        state.withLock { $0.model = model }
        isServing.signal()
    }

    func end() {
        isOver.store(true, ordering: .sequentiallyConsistent)
        isServing.signal()
        lane.add(.request, ServerLane.endMark)
        lane.wake(.request)
    }

    func terminate(_ number: UInt32) {
        let stop = state.withLock { state -> RunStop? in
            state.terminated = number
            guard let running = state.running, running.number == number else { return nil }
            return running.stop
        }
        stop?.stop()
    }

    func add(_ area: SharedMemory, number: UInt32) {
        state.withLock { $0.areas[number] = area }
        areasCame.signal()
    }

    // MARK: The thread

    private func work() {
        isServing.wait()
        guard let model = state.withLock({ $0.model }) else { return }
        let runner = LaneRunner(model, on: lane)
        var latest: UInt32 = 0
        while let number = nextRequest(after: latest) {
            latest = number
            lane.store(.begun, number)
            answer(number, with: runner)
            lane.store(.reply, number)
            // The server stores the flag before it sleeps on the word: it sees the number, or the
            // flag is seen here.
            if lane.load(.serverSleeps) != 0 { lane.wake(.reply) }
        }
    }

    /// The number of the next request; nil at the end.
    private func nextRequest(after latest: UInt32) -> UInt32? {
        defer { lane.store(.hostSleeps, 0) }
        while true {
            let number = lane.load(.request)
            if isOver.load(ordering: .sequentiallyConsistent) { return nil }
            if number != latest { return number }
            lane.store(.hostSleeps, 1)
            lane.sleep(.request, while: latest)
        }
    }

    private func answer(_ number: UInt32, with runner: LaneRunner) {
        let request = LaneRequest(reading: lane)
        do throws(EngineError) {
            let areas = try LaneRunner.Areas(
                inputs: area(request.inputArea),
                outputs: area(request.outputArea)
            )
            let stop = request.mayBeTerminated ? begin(number) : nil
            defer { finish() }
            try runner.answer(request, areas, stop: stop)
        } catch {
            LaneReply.write(error, to: lane)
        }
    }

    /// The mapping of an area, waited for if its frame has not come yet.
    private func area(_ number: UInt32) throws(EngineError) -> SharedMemory {
        guard number != TensorPlace.ring else { return memory }
        let end = MonotonicTime.nowNs + HostingLimits.areaSeconds * 1_000_000_000
        while true {
            if let area = state.withLock({ $0.areas.removeValue(forKey: number) }) { return area }
            guard areasCame.wait(untilNs: end) else {
                throw EngineError(
                    .outOfMemory,
                    "the model's process did not get the memory for this run",
                    detail: "area \(number) of lane \(index)"
                )
            }
        }
    }

    private func begin(_ number: UInt32) -> RunStop {
        let stop = RunStop()
        let isTerminated = state.withLock { state in
            state.running = (number, stop)
            return state.terminated == number
        }
        if isTerminated { stop.stop() }
        return stop
    }

    private func finish() {
        state.withLock { $0.running = nil }
    }
}
