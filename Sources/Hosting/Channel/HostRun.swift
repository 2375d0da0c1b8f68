internal import Engine
internal import Synchronization
internal import Text

/// One run on a lane, from the server's side.
final class HostRun: Sendable {
    let order: RunOrder
    let channel: HostChannel
    private let lane: ServerLane
    /// The number of the request to end when the run is stopped; 0: there is none yet.
    private let running = Atomic<UInt32>(0)
    /// Whether the host was told to end the run.
    private let isTerminated = Atomic(false)

    init(_ order: RunOrder, on lane: ServerLane, of channel: HostChannel) {
        self.order = order
        self.lane = lane
        self.channel = channel
    }

    /// Runs, and returns the wanted outputs in order.
    func outputs() throws(EngineError) -> [OutputTensor] {
        guard let stop = order.stop else { return try run() }
        return try stop.whileAttached({ self.terminate() }) { () throws(EngineError) in
            try run()
        }
    }

    private func run() throws(EngineError) -> [OutputTensor] {
        let input = try inputPlace()
        let plan = OutputPlan(
            order.specs,
            order.inputs,
            rows: channel.placesFit ? order.rows : nil
        )
        let output = try outputPlace(plan)
        // The host uses both until its last reply.
        defer { withExtendedLifetime((input, output)) {} }
        var request = LaneRequest(.run)
        request.mayBeTerminated = order.stop != nil
        request.inputArea = input.area
        request.inputs = copyInputs(to: input)
        request.grant(output, plan, wanted: order.wanted)
        try announce(input)
        if let output { try announce(output) }
        switch try reply(to: request, granted: output) {
        case .outputs(let outputs): return try tensors(outputs, in: output, plan)
        case .failed(let error): throw try failure(error)
        case .needsRoom(let byteCount):
            if plan.hasOthers { channel.noteRoom(byteCount) } else { channel.noteUnfitPlaces() }
            return try copied(byteCount)
        }
    }

    /// The outputs for which the granted room was too small: the host has kept them.
    private func copied(_ byteCount: Int) throws(EngineError) -> [OutputTensor] {
        let place = try roomOrRelease(byteCount)
        var request = LaneRequest(.copy)
        request.outputArea = place.area
        request.room = place.range
        try announce(place)
        switch try reply(to: request, granted: place) {
        case .outputs(let outputs): return try tensors(outputs, in: place, nil)
        case .failed(let error): throw try failure(error)
        case .needsRoom: throw condemned(ProtocolBreach("it asked for room twice in one run"))
        }
    }

    private func roomOrRelease(_ byteCount: Int) throws(EngineError) -> TensorPlace {
        do throws(EngineError) {
            return try channel.place(byteCount)
        } catch {
            _ = try reply(to: LaneRequest(.release), granted: nil)
            throw error
        }
    }

    // MARK: Places

    private func inputPlace() throws(EngineError) -> TensorPlace {
        let byteCount = order.inputs.reduce(0) {
            $0 + TensorPlace.roundedUp($1.bytes.byteCount)
        }
        return try channel.place(byteCount)
    }

    /// Memory for the outputs; nil: the host is to say first how much it needs.
    private func outputPlace(_ plan: OutputPlan) throws(EngineError) -> TensorPlace? {
        if plan.hasOthers {
            let byteCount = plan.placedBytes + channel.expectedRoom
            if byteCount > 0, let place = channel.ringPlace(byteCount) { return place }
        }
        guard plan.placedBytes > 0 else { return nil }
        return try channel.place(plan.placedBytes)
    }

    /// Sends an area to the host; nothing for a block of the ring.
    private func announce(_ place: TensorPlace) throws(EngineError) {
        guard place.area != TensorPlace.ring else { return }
        let isSent = channel.send(
            .area,
            AreaNotice(lane: lane.index, number: place.area).payload,
            descriptor: place.memory.descriptorNumber,
            seconds: HostingLimits.sendSeconds
        )
        guard !isSent else { return }
        awaitEnd()
        channel.condemn(.lied("it took no frame for \(HostingLimits.sendSeconds) s"))
        throw HostEnd.lost
    }

    /// Gives the watcher of a host that takes no frame the time to say how it ended.
    private func awaitEnd() {
        let end = MonotonicTime.nowNs + HostingLimits.endNoticeMilliseconds * 1_000_000
        while !channel.isOver, MonotonicTime.nowNs < end {
            let value = lane.memory.load(.reply)
            guard !channel.isOver else { return }
            _ = lane.memory.sleep(.reply, while: value, untilNs: end)
        }
    }

    // MARK: Replies

    private func reply(
        to request: LaneRequest,
        granted place: TensorPlace?
    ) throws(EngineError) -> LaneReply.Checked {
        request.write(to: lane.memory)
        let number = lane.post()
        if request.kind == .run {
            running.store(number, ordering: .sequentiallyConsistent)
            // A stop before this line found no number.
            if order.stop?.isStopped == true { terminate() }
        }
        try wait(for: number)
        do throws(ProtocolBreach) {
            return try LaneReply.read(
                from: lane.memory,
                wanted: request.kind == .release ? [] : order.specs,
                granted: place?.range ?? 0..<0
            )
        } catch {
            throw condemned(error)
        }
    }

    private func wait(for number: UInt32) throws(EngineError) {
        var wait = ReplyWait(until: order.endsAtNs)
        let before = number &- 1
        defer { lane.memory.store(.serverSleeps, 0) }
        while true {
            let value = lane.memory.load(.reply)
            if value == number { return }
            guard !channel.isOver else {
                let isOfRun = running.load(ordering: .relaxed) == number
                throw channel.endError(
                    isBegun: !isOfRun || lane.memory.load(.begun) == number
                )
            }
            guard value == before else {
                throw condemned(ProtocolBreach("it replied to request \(value), not \(number)"))
            }
            switch wait.next() {
            case .sleep(let untilNs):
                if order.stop?.isStopped == true { terminate() }
                lane.memory.store(.serverSleeps, 1)
                let isTimeOver = lane.memory.sleep(.reply, while: before, untilNs: untilNs)
                if !isTimeOver { wait.falseWakes += 1 }
            case .terminate:
                terminate()
            case .overTime:
                channel.condemn(.overTime)
                throw HostEnd.overLimit
            case .breach(let breach):
                throw condemned(breach)
            }
        }
    }

    /// Tells the host to end the run, once. Never blocks; what the socket does not take is sent
    /// by the thread that waits for the reply.
    private func terminate() {
        let number = running.load(ordering: .sequentiallyConsistent)
        guard number != 0, !isTerminated.load(ordering: .relaxed) else { return }
        let notice = TerminateNotice(lane: lane.index, run: number)
        guard channel.send(.terminate, notice.payload, seconds: 0) else { return }
        isTerminated.store(true, ordering: .relaxed)
    }

    private func failure(_ error: EngineError) throws(EngineError) -> EngineError {
        guard error.code == .terminated else { return error }
        if MonotonicTime.nowNs >= order.endsAtNs { return HostEnd.overLimit }
        guard order.stop?.isStopped == true else {
            throw condemned(ProtocolBreach("it ended a run that was not to be ended"))
        }
        return RunStop.terminated
    }

    /// Has the host killed; the error of this run.
    func condemned(_ breach: ProtocolBreach) -> EngineError {
        channel.condemn(.lied(breach.text))
        return HostEnd.breach(breach)
    }
}
