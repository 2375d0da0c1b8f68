/// Runs that end early or take long.
extension BatchQueue {
    /// Puts a request back whose run ended early, to run again; it has kept its place.
    mutating func putBack(_ job: Job, atNs nowNs: UInt64) -> Place {
        let id = ObjectIdentifier(job.slot)
        lastNumber += 1
        let order = lanes[id, default: BatchLane()].insert(job, number: lastNumber, atNs: nowNs)
        _ = makeReady(id)
        return Place(lane: id, order: order)
    }

    /// Notes that a run goes on though its requests were answered.
    mutating func hold(_ number: UInt64) { running.hold(number) }

    /// Adds the threads that are missing.
    /// - Returns: how many have to be started, and how many have to be woken.
    mutating func relieve(atNs nowNs: UInt64) -> (added: Int, woken: Int) {
        guard !isStopped else { return (0, 0) }
        let added = running.relieve(atNs: nowNs)
        guard added == 0 else { return (added, release()) }
        return (0, running.hasIdleSurplus(atNs: nowNs) ? 1 : 0)
    }

    /// Notes that a thread that was missing could not be started.
    mutating func startFailed() { running.lose() }

    /// Takes away a thread that is not needed any more.
    /// - Returns: whether the calling thread is to end.
    mutating func retire(atNs nowNs: UInt64) -> Bool { running.retire(atNs: nowNs) }

    /// Takes out the requests that wait for a run to end which goes on past its limit: when that
    /// will be is not known.
    /// - Parameter patienceNs: The time that they may wait, in nanoseconds.
    mutating func giveUpHeld(patienceNs: UInt64, atNs nowNs: UInt64) -> [Job] {
        var all: [Job] = []
        for id in withheld {
            guard var lane = lanes[id], let first = lane.first,
                running.held(of: first.slot.id.model) > 0,
                lane.standsNs(atNs: nowNs) > patienceNs
            else { continue }
            all += lane.takeAll()
            lanes[id] = lane
        }
        return all
    }
}
