internal import Metrics
internal import Synchronization

/// All that counts something in serving. Versions and models are looked up where they are loaded
/// and swapped, and where a request fails before it has a version; requests hold what they need.
package final class ServingMeters: Sendable {
    /// Versions of one model that are not loaded any more and whose counts are kept; those that
    /// were loaded the longest ago leave.
    package static let maxUnloaded = 8

    private struct Entry {
        let meter: VersionMeter
        /// Counts up: which was loaded last.
        var lastLoad: UInt64
    }

    private struct State {
        var versions: [String: [UInt64: Entry]] = [:]
        var models: [String: ModelMeter] = [:]
        var loads: UInt64 = 0
    }

    private let state = Mutex(State())
    private let loads = Histogram(.duration)
    private let failedLoads = Counter()
    /// Counts engine hosts.
    private let hosts: HostMeter

    init(hosts: HostMeter = HostMeter()) {
        self.hosts = hosts
    }

    /// The meter of a version that is loaded now; the same over all its loads, unless it was
    /// forgotten in between.
    func version(_ id: VersionID) -> VersionMeter {
        state.withLock { state in
            state.loads += 1
            var versions = state.versions[id.model] ?? [:]
            defer { state.versions[id.model] = versions }
            let meter = versions[id.version]?.meter ?? VersionMeter(id)
            versions[id.version] = Entry(meter: meter, lastLoad: state.loads)
            let unloaded = versions.filter { $0.key != id.version && !$0.value.meter.isLoaded }
            let surplus = unloaded.count - Self.maxUnloaded
            guard surplus > 0 else { return meter }
            let oldest = unloaded.sorted { $0.value.lastLoad < $1.value.lastLoad }
            for (version, _) in oldest.prefix(surplus) { versions[version] = nil }
            return meter
        }
    }

    /// The meter of a model that exists.
    func model(_ name: String) -> ModelMeter {
        state.withLock { state in
            if let meter = state.models[name] { return meter }
            let meter = ModelMeter(name)
            state.models[name] = meter
            return meter
        }
    }

    /// A load has ended.
    func ended(_ result: LoadedVersions.Loaded, tookNs: UInt64) {
        switch result {
        case .success: loads.observe(tookNs)
        case .failure: failedLoads.add()
        }
    }

    /// Another version answers for an alias. The swap is over when the version before has answered
    /// what it held.
    func swapped(from before: VersionID, since begin: ContinuousClock.Instant) {
        let model = model(before.model)
        let old = state.withLock { $0.versions[before.model]?[before.version]?.meter }
        guard let old else { return model.swapped(CallMeter.Drained.none, since: begin) }
        old.calls.whenDrained { drained in model.swapped(drained, since: begin) }
    }

    /// Versions that have requests at this instant.
    func running(limit: Int) -> [VersionID] {
        let meters = state.withLock { $0.versions.values.flatMap { $0.values.map(\.meter) } }
        return meters.lazy.filter { $0.calls.running > 0 }.prefix(limit).map {
            VersionID(model: $0.calls.model, version: $0.calls.version)
        }
    }

    var figures: ServingFigures {
        let (versions, models) = state.withLock { state in
            (state.versions.values.flatMap { $0.values.map(\.meter) }, Array(state.models.values))
        }
        return ServingFigures(
            versions: versions.map(\.figures).sorted {
                ($0.model, $0.version) < ($1.model, $1.version)
            },
            models: models.map(\.figures).sorted { $0.model < $1.model },
            loads: loads.snapshot,
            failedLoads: failedLoads.count,
            hosts: hosts.snapshot
        )
    }
}
