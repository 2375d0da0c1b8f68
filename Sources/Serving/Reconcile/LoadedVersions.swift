internal import Metrics
internal import Registry

/// What is loaded, being loaded, or failed to, and what keeps it so. A plain value: it decides,
/// and the reconciler acts.
struct LoadedVersions {
    /// How a load ends.
    typealias Loaded = Result<Slot, Loader.Failure>

    enum State {
        case loading(Task<Loaded, Never>, sinceUnixMs: Int64)
        case ready(Slot)
        case failed(reason: String, sinceUnixMs: Int64)
    }

    /// Failures that are remembered for ``status(of:)``; the oldest is forgotten first.
    static let maxFailures = 1_024

    private var states: [VersionID: State] = [:]
    /// Versions that somebody asked for by number.
    private var byNumber: Set<VersionID> = []
    /// How many validations want each version now.
    private var validating: [VersionID: Int] = [:]
    /// Deleted versions that are still loaded or being loaded: nothing may hold them any more.
    private var deleted: Set<VersionID> = []
    /// Versions that were let go of while requests held them.
    private var retired: [VersionID: Retired] = [:]

    private struct Retired {
        weak var slot: Slot?
        let sinceUnixMs: Int64
    }

    /// The load of a version that is under way.
    func load(of id: VersionID) -> Task<Loaded, Never>? {
        guard case .loading(let task, _) = states[id] else { return nil }
        return task
    }

    /// A version that may serve.
    func slot(_ id: VersionID) -> Slot? {
        guard case .ready(let slot) = states[id], !deleted.contains(id) else { return nil }
        return slot
    }

    mutating func begin(_ id: VersionID, _ task: Task<Loaded, Never>) {
        states[id] = .loading(task, sinceUnixMs: WallClock.system.nowUnixMs)
    }

    /// Notes how a load ended.
    mutating func end(_ id: VersionID, _ result: Loaded) {
        switch result {
        case .success(let slot): states[id] = .ready(slot)
        case .failure where deleted.remove(id) != nil: states[id] = nil
        case .failure(let failure):
            forgetOldFailures()
            states[id] = .failed(reason: failure.reason, sinceUnixMs: WallClock.system.nowUnixMs)
        }
    }

    /// Keeps a version for those who ask for it by number.
    mutating func pin(_ id: VersionID) { byNumber.insert(id) }

    mutating func unpin(_ id: VersionID) { byNumber.remove(id) }

    mutating func beginValidation(_ id: VersionID) { validating[id, default: 0] += 1 }

    mutating func endValidation(_ id: VersionID) {
        validating[id] = validating[id].flatMap { $0 > 1 ? $0 - 1 : nil }
    }

    /// Lets nothing ask for a deleted version any more.
    mutating func delete(_ id: VersionID) {
        byNumber.remove(id)
        switch states[id] {
        case .loading, .ready: deleted.insert(id)
        case .failed: states[id] = nil
        case nil: break
        }
    }

    /// Whether a version was deleted since it was loaded.
    func isDeleted(_ id: VersionID) -> Bool { deleted.contains(id) }

    /// Lets go of what nothing asks for.
    /// - Parameters:
    ///   - held: What aliases need.
    ///   - pinnedLimit: How many others may stay for those who ask by number; the least recently
    ///     used leave.
    /// - Returns: What was let go of.
    mutating func release(except held: Set<VersionID>, pinnedLimit: Int) -> [VersionID] {
        retired = retired.filter { $0.value.slot != nil }
        var pinned: [Slot] = []
        var unloaded: [Slot] = []
        for (id, state) in states {
            guard case .ready(let slot) = state, validating[id] == nil, !held.contains(id) else {
                continue
            }
            if byNumber.contains(id) { pinned.append(slot) } else { unloaded.append(slot) }
        }
        pinned.sort { $0.lastUse < $1.lastUse }
        unloaded.append(contentsOf: pinned.prefix(max(0, pinned.count - pinnedLimit)))
        for slot in unloaded {
            states[slot.id] = nil
            byNumber.remove(slot.id)
            deleted.remove(slot.id)
            retired[slot.id] = Retired(slot: slot, sinceUnixMs: WallClock.system.nowUnixMs)
        }
        return unloaded.map(\.id)
    }

    /// What may leave when memory is needed: the least used of `warm`, and when there is none, of
    /// those who stay for others that ask by number and run nothing.
    /// - Parameter needed: What must stay.
    func leastUsed(
        _ warm: Set<VersionID>,
        besides needed: Set<VersionID>
    ) -> (id: VersionID, lastUse: UInt64)? {
        let free = states.compactMap { id, state -> Slot? in
            guard case .ready(let slot) = state, validating[id] == nil, !needed.contains(id) else {
                return nil
            }
            return slot
        }
        let ready = free.filter { warm.contains($0.id) }
        let idle = free.filter { byNumber.contains($0.id) && $0.meter.calls.running == 0 }
        let leaving = (ready.isEmpty ? idle : ready).min { $0.lastUse < $1.lastUse }
        return leaving.map { ($0.id, $0.lastUse) }
    }

    /// What this server may say of a version; nil: nothing.
    func status(of id: VersionID) -> ReplicaStatus? {
        switch states[id] {
        case .loading(_, let since):
            return ReplicaStatus(load: .loading, reason: "", sinceUnixMs: since)
        case .ready(let slot):
            return ReplicaStatus(load: .ready, reason: "", sinceUnixMs: slot.readySinceUnixMs)
        case .failed(let reason, let since):
            return ReplicaStatus(load: .failed, reason: reason, sinceUnixMs: since)
        case nil:
            guard let retired = retired[id], retired.slot != nil else { return nil }
            return ReplicaStatus(load: .draining, reason: "", sinceUnixMs: retired.sinceUnixMs)
        }
    }

    private mutating func forgetOldFailures() {
        let failures = states.compactMap { id, state -> (id: VersionID, since: Int64)? in
            guard case .failed(_, let since) = state else { return nil }
            return (id, since)
        }
        guard failures.count >= Self.maxFailures,
            let oldest = failures.min(by: { $0.since < $1.since })
        else { return }
        states[oldest.id] = nil
    }
}
