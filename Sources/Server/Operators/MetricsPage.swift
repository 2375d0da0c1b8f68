internal import Metrics
internal import RPC
internal import Registry
internal import Serving
internal import Wire

/// What `/metrics` says, under Strongroom's own names. docs/OPERATIONS.md has the table.
struct MetricsPage: Sendable {
    let serving: @Sendable () -> ServingFigures
    let router: Router
    let connections: ConnectionMeter
    let replies: HeldReplies
    /// Whether the registry was changed by others.
    let hasRegistryFault: @Sendable () -> Bool
    let clamping: PriorityClamping
    let startUnixSeconds = UInt64(clamping: WallClock.system.nowUnixMs / 1_000)

    /// Gathers and writes it all. It takes as long as there are versions: not for an event loop.
    func text() -> String {
        let figures = serving()
        var page = Exposition()
        writeRequests(figures, to: &page)
        writeLatencies(figures, to: &page)
        writeModels(figures, to: &page)
        writeCalls(to: &page)
        writeRefusals(to: &page)
        page.write(
            .counter,
            "strongroom_clamped_priorities_total",
            "Predict calls whose priority was lowered to the max_priority of a grant."
        ) {
            $0.add(clamping.count)
        }
        writeConnections(connections.figures, to: &page)
        writeReplies(to: &page)
        writeHosts(figures.hosts, to: &page)
        page.write(
            .gauge,
            "strongroom_registry_fault",
            "1 if the registry was changed by others and takes no changes, 0 otherwise."
        ) {
            $0.add(hasRegistryFault() ? 1 : 0)
        }
        page.writeTriton(figures)
        page.write(
            ProcessFigures.now(),
            residentBytes: HostedProcesses.shared.totalBytes(),
            startUnixSeconds: startUnixSeconds
        )
        return page.text
    }

    /// The method whose calls are counted by version.
    private static let predict = "/strongroom.v1.Prediction/Predict"

    private func writeRequests(_ figures: ServingFigures, to page: inout Exposition) {
        page.write(.counter, "strongroom_requests_total", "Predict calls answered.") { samples in
            for version in figures.versions {
                samples.add(version.requests, version.labels)
            }
        }
        page.write(
            .counter,
            "strongroom_request_failures_total",
            "Predict calls answered with a failure. Without a version: it was not known yet; "
                + "without a model: there is none that the caller may use."
        ) { samples in
            for version in figures.versions {
                for (code, count) in version.failures {
                    samples.add(count, version.labels(code: Self.name(code)))
                }
            }
            for model in figures.models {
                for (code, count) in model.failures {
                    samples.add(count, ["model": model.model, "code": Self.name(code)])
                }
            }
            for (path, meter) in router.meters where path == Self.predict {
                for (code, count) in meter.failuresByCode {
                    samples.add(count, ["code": Self.name(code)])
                }
            }
        }
        page.write(
            .gauge,
            "strongroom_running_requests",
            "Predict calls that a version has and has not answered."
        ) { samples in
            for version in figures.versions { samples.add(version.running, version.labels) }
        }
    }

    private func writeLatencies(_ figures: ServingFigures, to page: inout Exposition) {
        typealias Of = (ServingFigures.Version) -> Histogram.Snapshot
        let histograms: [(name: String, help: String, of: Of)] = [
            ("request_seconds", "Successful Predict calls, arrival to answer.", { $0.latency }),
            ("request_queue_seconds", "Of each request that ran: its wait.", { $0.queue }),
            ("request_compute_seconds", "Of each request that ran: its run.", { $0.compute }),
            ("batch_rows", "Rows of each run.", { $0.rows }),
        ]
        for (name, help, of) in histograms {
            page.write(.histogram, "strongroom_" + name, help) { samples in
                for version in figures.versions { samples.add(of(version), version.labels) }
            }
        }
    }

    private func writeModels(_ figures: ServingFigures, to page: inout Exposition) {
        page.write(
            .gauge,
            "strongroom_queued_requests",
            "Requests of a model that wait or run."
        ) { samples in
            for queue in figures.queues {
                samples.add(UInt64(clamping: queue.requests), ["model": queue.model])
            }
        }
        page.write(.gauge, "strongroom_queued_bytes", "Bytes that they hold.") { samples in
            for queue in figures.queues {
                samples.add(UInt64(clamping: queue.bytes), ["model": queue.model])
            }
        }
        page.write(
            .counter,
            "strongroom_displaced_requests_total",
            "Requests that lost their places in a full queue to newer ones."
        ) { samples in
            for version in figures.versions where version.displaced > 0 {
                samples.add(version.displaced, version.labels)
            }
        }
        page.write(.gauge, "strongroom_loaded_bytes", "Bytes of a version in memory.") { samples in
            for version in figures.versions where version.loadedBytes > 0 {
                samples.add(version.loadedBytes, version.labels)
            }
        }
        page.write(.histogram, "strongroom_load_seconds", "Loads that succeeded.") {
            $0.add(figures.loads)
        }
        page.write(.counter, "strongroom_load_failures_total", "Loads that failed.") {
            $0.add(figures.failedLoads)
        }
        writeSwaps(figures.models.filter { $0.swaps.count > 0 }, to: &page)
    }

    private func writeSwaps(_ models: [ServingFigures.Model], to page: inout Exposition) {
        page.write(
            .histogram,
            "strongroom_swap_seconds",
            "Swaps, from the durable move to the last answer of the version before."
        ) { samples in
            for model in models { samples.add(model.swaps, ["model": model.model]) }
        }
        page.write(
            .counter,
            "strongroom_swap_drained_requests",
            "Requests that the version before had at a swap, and has answered."
        ) { samples in
            for model in models { samples.add(model.drainedRequests, ["model": model.model]) }
        }
        page.write(
            .counter,
            "strongroom_swap_failed_requests",
            "Those of them that were answered with a failure."
        ) { samples in
            for model in models { samples.add(model.failedRequests, ["model": model.model]) }
        }
    }

    private func writeHosts(_ figures: HostMeter.Snapshot, to page: inout Exposition) {
        page.write(.gauge, "strongroom_engine_hosts", "Engine hosts of a version.") { samples in
            for version in figures.versions where version.hosts > 0 {
                samples.add(version.hosts, version.labels)
            }
        }
        page.write(
            .counter,
            "strongroom_engine_host_ends_total",
            "Engine hosts of a version that ended, by the way in which they did."
        ) { samples in
            for version in figures.versions {
                for (reason, count) in version.ends.sorted(by: { $0.key < $1.key }) {
                    samples.add(count, version.labels(reason: reason))
                }
            }
        }
        page.write(
            .histogram,
            "strongroom_engine_host_start_seconds",
            "Starts of engine hosts, from the order to a process that runs its model."
        ) {
            $0.add(figures.starts)
        }
    }

    private func writeCalls(to page: inout Exposition) {
        page.write(
            .counter,
            "strongroom_calls_total",
            "Calls of the other methods, by the code of their answer."
        ) { samples in
            for (path, meter) in router.meters where path != Self.predict {
                let successes = meter.latency.count
                if successes > 0 { samples.add(successes, ["method": path, "code": "OK"]) }
                for (code, count) in meter.failuresByCode {
                    samples.add(count, ["method": path, "code": Self.name(code)])
                }
            }
        }
    }

    private func writeRefusals(to page: inout Exposition) {
        page.write(
            .histogram,
            "strongroom_refusal_seconds",
            "Calls answered RESOURCE_EXHAUSTED, from the read of the request to the answer."
        ) { samples in
            for (path, latency) in router.refusals where latency.count > 0 {
                samples.add(latency, ["method": path])
            }
        }
    }

    private func writeConnections(
        _ figures: ConnectionMeter.Figures,
        to page: inout Exposition
    ) {
        page.write(.gauge, "strongroom_open_connections", "Open connections.") { samples in
            for speaks in ConnectionProtocol.allCases {
                let count = UInt64(clamping: figures.open[speaks] ?? 0)
                samples.add(count, ["protocol": "\(speaks)"])
            }
        }
        page.write(
            .gauge,
            "strongroom_anonymous_connections",
            "Open connections without a principal."
        ) { $0.add(UInt64(clamping: figures.anonymous), [:]) }
        page.write(
            .counter,
            "strongroom_dropped_connections_total",
            "Connections closed in favour of others."
        ) { samples in
            for reason in DropReason.allCases {
                samples.add(figures.dropped[reason] ?? 0, ["reason": reason.rawValue])
            }
        }
        page.write(.counter, "strongroom_connections_total", "Connections taken or refused.") {
            $0.add(figures.accepted, ["result": "accepted"])
            $0.add(figures.refused, ["result": "refused"])
        }
        page.write(.counter, "strongroom_tls_handshakes_total", "TLS handshakes that ended.") {
            $0.add(figures.handshakes, ["result": "ok"])
            $0.add(figures.failedHandshakes, ["result": "failed"])
        }
        page.write(
            .histogram,
            "strongroom_handshake_wait_seconds",
            "TLS handshakes, from the arrival of their first bytes to their start."
        ) { $0.add(connections.handshakeWaits.snapshot, [:]) }
    }

    private func writeReplies(to page: inout Exposition) {
        page.write(
            .gauge,
            "strongroom_unsent_bytes",
            "Replies that callers have not taken, and the room reserved for those of running calls."
        ) {
            $0.add(UInt64(clamping: replies.total.bytes))
        }
        page.write(
            .counter,
            "strongroom_unsent_refusals_total",
            "Calls that were refused because replies were not taken, by the limit."
        ) { samples in
            for (key, count) in replies.refusals { samples.add(count, ["limit": key]) }
        }
    }

    private static func name(_ code: Int) -> String {
        StatusCode(rawValue: Int32(clamping: code))?.name ?? "UNKNOWN"
    }
}

extension HostMeter.Version {
    fileprivate var labels: Exposition.Labels { ["model": id.model, "version": "\(id.version)"] }

    fileprivate func labels(reason: String) -> Exposition.Labels {
        ["model": id.model, "version": "\(id.version)", "reason": reason]
    }
}

extension ServingFigures.Version {
    fileprivate var labels: Exposition.Labels { ["model": model, "version": "\(version)"] }

    fileprivate func labels(code: String) -> Exposition.Labels {
        ["model": model, "version": "\(version)", "code": code]
    }
}
