/// Runs that end early or take long.
extension BatchQueue {
    /// Puts a request back whose run ended early, to run again; it has kept its place.
    mutating func putBack(_ job: Job, atNs nowNs: UInt64) -> Place {
        let id = ObjectIdentifier(job.slot)
        lastNumber += 1
        defer { _ = makeReady(id) }
        return lanes[id, default: BatchLane(isCounted: true)].insert(
            job,
            number: lastNumber,
            atNs: nowNs
        )
    }

    /// Notes that a run goes on though its requests were answered.
    mutating func hold(_ number: UInt64) { running.hold(number) }

    /// Lets a relief thread end that is not needed any more.
    /// - Returns: whether a thread is to be woken for that.
    mutating func dismiss() -> Bool { !isStopped && running.dismiss() }

    /// Notes that a relief thread could not be started.
    mutating func startFailed() { running.lose() }

    /// Takes away a thread that is not needed any more.
    /// - Returns: whether the calling thread is to end.
    mutating func retire() -> Bool { running.retire() }

    /// Takes out the requests that wait for a run to end which goes on past its limit: when that
    /// will be is not known.
    /// - Parameter patienceNs: The time that they may wait, in nanoseconds.
    mutating func giveUpHeld(patienceNs: UInt64, atNs nowNs: UInt64) -> [Job] {
        guard running.hasHeld else { return [] }
        var all: [Job] = []
        for id in Array(lanes.keys) {
            guard var lane = lanes[id], let first = lane.first,
                running.held(of: first.slot.id.model) > 0, !running.admits(first),
                lane.standsNs(atNs: nowNs) > patienceNs
            else { continue }
            all += lane.takeAll()
            lanes[id] = lane
        }
        return all
    }
}
