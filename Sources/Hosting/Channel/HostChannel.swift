internal import CHosting
package import Engine
internal import Synchronization
package import Text

/// The server's side of one engine host: runs go through it to the host's lanes.
///
/// The host may have been taken over by its model. Everything that it writes is read once and
/// checked; a breach of the protocol has the host killed and fails the run. Thread-safe.
package final class HostChannel: Sendable {
    private struct State {
        var control: ControlSocket?
        var kill: (@Sendable (HostEnd) -> Void)?
        var end: HostEnd?
    }

    private let memory: SharedMemory
    private let layout: ChannelLayout
    private let ring: RingAllocator
    private let budget: BudgetShare
    private let state = Mutex(State())
    /// Set after `State.end`, for a look without the lock.
    private let hasEnded = Atomic(false)
    private let freeLanes: Mutex<[ServerLane]>
    /// Counts `freeLanes`, and the end of the host.
    private let freeCount: CountingSemaphore
    private let nextArea = Atomic<UInt32>(TensorPlace.ring + 1)
    /// Cleared when an output was not of the size that was proved of it.
    private let outputsFitPlaces = Atomic(true)
    /// Bytes of the outputs without a place, in the latest run that had such.
    private let latestRoom = Atomic(0)

    /// Makes the sealed shared memory.
    ///
    /// - Parameters:
    ///   - ringBytes: Room for the tensors of all runs: 0 to ``HostingLimits/maxRingBytes``.
    ///   - lanes: How many runs go side by side: 1 to ``HostingLimits/maxLanes``.
    ///   - budget: Bounds the memory of tensors that do not fit the ring; a share of it is this
    ///     channel's.
    /// - Throws: `outOfMemory`, or `unavailable` for a number outside of its limits.
    package init(ringBytes: Int, lanes: Int, budget: any ByteBudget) throws(EngineError) {
        guard (1...HostingLimits.maxLanes).contains(lanes),
            (0...HostingLimits.maxRingBytes).contains(ringBytes)
        else {
            throw EngineError(
                .unavailable,
                "an engine host takes 1 to \(HostingLimits.maxLanes) lanes, not \(lanes), and a "
                    + "ring of 0 to \(HostingLimits.maxRingBytes) bytes, not \(ringBytes)"
            )
        }
        layout = ChannelLayout(lanes: lanes, ringBytes: ringBytes)
        memory = try SharedMemory(byteCount: layout.byteCount)
        layout.write(to: memory)
        ring = RingAllocator(byteCount: ringBytes)
        self.budget = BudgetShare(of: budget)
        let memory = memory
        freeLanes = Mutex((0..<lanes).reversed().map { ServerLane($0, in: memory) })
        freeCount = CountingSemaphore(lanes)
    }

    /// The shared memory, descriptor 3 of the host. It stays this object's.
    package var memoryDescriptor: Int32 { memory.descriptorNumber }

    /// The number of the forbidden system call that ended the host, as the host wrote it; nil if
    /// it wrote none.
    package var forbiddenCall: Int32? {
        let number = Int32(bitPattern: unsafe word_Load(ChannelLayout.forbiddenCall(in: memory)))
        return number < 0 ? nil : number
    }

    /// Connects the channel to its host, before the first run.
    ///
    /// - Parameters:
    ///   - control: Takes terminate and area frames.
    ///   - kill: Ends the host's process, on any thread. It is called at most once, and the channel
    ///     needs no call of ``ended(_:)`` after it.
    package func attach(
        _ control: ControlSocket,
        kill: @escaping @Sendable (HostEnd) -> Void
    ) {
        state.withLock { state in
            state.control = control
            state.kill = kill
        }
    }

    /// Fails the runs under way and all later ones: the host's process has ended. Calls after the
    /// first do nothing.
    package func ended(_ end: HostEnd) {
        _ = fail(with: end)
    }

    /// Fails the runs; false if they have failed before.
    private func fail(with end: HostEnd) -> Bool {
        let isFirst = state.withLock { state in
            guard state.end == nil else { return false }
            state.end = end
            return true
        }
        guard isFirst else { return false }
        hasEnded.store(true, ordering: .sequentiallyConsistent)
        for index in 0..<layout.lanes {
            let lane = LaneMemory(index, in: memory)
            // A thread that is about to sleep on the word must not.
            lane.add(.reply, ServerLane.endMark)
            lane.wake(.reply)
        }
        freeCount.signal()
        return true
    }

    /// Runs the model in the host once, as ``InferenceModel/run(_:outputs:stop:)`` does. Blocks.
    ///
    /// The data of inputs is checked in the host. Outputs may lie in the shared memory, and keep
    /// it for as long as they live.
    ///
    /// - Parameters:
    ///   - signature: The model's.
    ///   - rows: The server's own analysis of the model's rows.
    ///   - stop: Its limit of time counts too: a host whose run goes on is killed.
    /// - Throws: As the model does; `outOfMemory` if the budget is used up; `overTime`;
    ///   `processEnded` and `processLost`.
    package func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        signature: ModelSignature,
        rows: RowAnalysis,
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        let order = try RunOrder(inputs, outputs: outputs, of: signature, rows: rows, stop: stop)
        let lane = try takeLane(for: order)
        defer { giveBack(lane) }
        return try HostRun(order, on: lane, of: self).outputs()
    }

    // MARK: Lanes

    private func takeLane(for order: RunOrder) throws(EngineError) -> ServerLane {
        let look = HostingLimits.lookMilliseconds * 1_000_000
        while true {
            // A host is not killed for a run that comes too late.
            guard MonotonicTime.nowNs < order.endsAtNs else { throw HostEnd.overLimit }
            let isSignalled = freeCount.wait(
                untilNs: min(order.endsAtNs, MonotonicTime.nowNs + look)
            )
            guard !isOver else {
                // The next thread that waits is to see it too.
                if isSignalled { freeCount.signal() }
                throw HostEnd.lost
            }
            if isSignalled, let lane = freeLanes.withLock({ $0.popLast() }) { return lane }
            if order.stop?.isStopped == true { throw RunStop.terminated }
        }
    }

    private func giveBack(_ lane: ServerLane) {
        freeLanes.withLock { $0.append(lane) }
        freeCount.signal()
    }

    // MARK: For runs

    /// Whether the host has ended, or is about to: it takes no runs.
    package var isOver: Bool { hasEnded.load(ordering: .sequentiallyConsistent) }

    /// The error of a run that was under way when the host ended.
    ///
    /// - Parameter isBegun: Whether the host had begun with it.
    func endError(isBegun: Bool) -> EngineError {
        guard isBegun, let end = state.withLock({ $0.end }) else { return HostEnd.lost }
        return end.error
    }

    /// Has the host killed and fails all other runs.
    func condemn(_ end: HostEnd) {
        guard fail(with: end) else { return }
        state.withLock { $0.kill }?(end)
    }

    /// Sends a frame to the host.
    func send(
        _ kind: FrameKind,
        _ payload: [UInt8],
        descriptor: Int32? = nil,
        seconds: Int
    ) -> Bool {
        guard let control = state.withLock({ $0.control }) else { return false }
        return control.send(kind, payload, descriptor: descriptor, seconds: seconds)
    }

    /// A block of the ring; nil if there is none of that size.
    func ringPlace(_ byteCount: Int) -> TensorPlace? {
        guard let block = ring.allocate(byteCount) else { return nil }
        return TensorPlace(
            block: block,
            byteCount: byteCount,
            of: ring,
            in: memory,
            base: layout.ringOffset
        )
    }

    /// A block of the ring, or an area of its own.
    ///
    /// - Throws: `outOfMemory` if the budget, or this host's share of it, has not so many bytes left.
    func place(_ byteCount: Int) throws(EngineError) -> TensorPlace {
        guard let place = ringPlace(byteCount) else { return try area(byteCount) }
        return place
    }

    private func area(_ byteCount: Int) throws(EngineError) -> TensorPlace {
        let size = max(byteCount, 1)
        guard size <= HostingLimits.maxAreaBytes else {
            throw EngineError(
                .outOfMemory,
                "\(size) bytes of tensors, at most \(HostingLimits.maxAreaBytes) are taken"
            )
        }
        try budget.take(size)
        do throws(EngineError) {
            return try TensorPlace(
                byteCount: size,
                number: nextArea.add(1, ordering: .relaxed).oldValue,
                from: budget
            )
        } catch {
            budget.giveBack(size)
            throw error
        }
    }

    /// The room to grant for outputs of unknown sizes: what the run before needed, within a share
    /// of the ring.
    var expectedRoom: Int {
        let share = layout.ringBytes / (2 * layout.lanes)
        let latest = latestRoom.load(ordering: .relaxed)
        return min(max(latest, HostingLimits.maxCopiedOutputBytes), share)
    }

    /// Whether outputs get places: until one was not of the size that was proved of it.
    var placesFit: Bool { outputsFitPlaces.load(ordering: .relaxed) }

    /// Notes that an output was not of the size of its place.
    func noteUnfitPlaces() { outputsFitPlaces.store(false, ordering: .relaxed) }

    /// Notes the bytes that outputs of unknown sizes took.
    func noteRoom(_ byteCount: Int) { latestRoom.store(byteCount, ordering: .relaxed) }
}
