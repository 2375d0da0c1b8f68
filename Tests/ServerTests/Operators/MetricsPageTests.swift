import Metrics
import RPC
import Testing

@testable import Server
@testable import Serving

@Suite("The page of metrics")
struct MetricsPageTests {
    private func histogram(_ buckets: Buckets, _ values: UInt64...) -> Histogram.Snapshot {
        let histogram = Histogram(buckets)
        for value in values { histogram.observe(value) }
        return histogram.snapshot
    }

    private var figures: ServingFigures {
        ServingFigures(
            versions: [
                ServingFigures.Version(
                    model: "m",
                    version: 3,
                    failures: [(3, 2), (8, 1)],
                    latency: histogram(.latency, 2_000_000, 4_000_000),
                    queue: histogram(.latency, 1_500),
                    compute: histogram(.latency, 7_000, 8_000),
                    rows: histogram(.rows, 5),
                    running: 4,
                    displaced: 6,
                    loadedBytes: 77
                )
            ],
            models: [
                ServingFigures.Model(
                    model: "m",
                    failures: [(5, 6)],
                    swaps: histogram(.latency, 3_000),
                    drainedRequests: 9,
                    failedRequests: 1
                ),
                ServingFigures.Model(
                    model: "n",
                    failures: [],
                    swaps: histogram(.latency),
                    drainedRequests: 0,
                    failedRequests: 0
                ),
            ],
            queues: [ServingFigures.Queue(model: "m", requests: 2, bytes: 32)],
            loads: histogram(.duration, 5_000_000),
            failedLoads: 1,
            hosts: hosts.snapshot
        )
    }

    private var hosts: HostMeter {
        let meter = HostMeter()
        let id = VersionID(model: "m", version: 3)
        for _ in 0..<3 { meter.started(id, ns: 200_000_000) }
        meter.ended(id, reason: "SIGFPE")
        let gone = VersionID(model: "m", version: 2)
        meter.started(gone, ns: 1_000_000)
        meter.ended(gone, reason: "released")
        return meter
    }

    private func lines(hasRegistryFault: Bool = false) throws -> [Substring] {
        let figures = figures
        let page = MetricsPage(
            serving: { figures },
            router: try Router(methods: []),
            connections: ConnectionMeter(),
            replies: HeldReplies(limits: RPCLimits()),
            hasRegistryFault: { hasRegistryFault },
            clamping: PriorityClamping()
        )
        return page.text().split(separator: "\n")
    }

    @Test("a registry that was changed by others is a figure", arguments: [true, false])
    func registryFault(hasFault: Bool) throws {
        let line = "strongroom_registry_fault \(hasFault ? 1 : 0)"
        #expect(try lines(hasRegistryFault: hasFault).contains { $0 == line })
    }

    @Test(
        "figures are under Strongroom's names",
        arguments: [
            "strongroom_requests_total{model=\"m\",version=\"3\"} 5",
            "strongroom_request_failures_total{model=\"m\",version=\"3\",code=\"INVALID_ARGUMENT\"} 2",
            "strongroom_request_failures_total{model=\"m\",code=\"NOT_FOUND\"} 6",
            "strongroom_running_requests{model=\"m\",version=\"3\"} 4",
            "strongroom_request_seconds_sum{model=\"m\",version=\"3\"} 0.006",
            "strongroom_request_seconds_bucket{model=\"m\",version=\"3\",le=\"0.0025\"} 1",
            "strongroom_request_queue_seconds_count{model=\"m\",version=\"3\"} 1",
            "strongroom_request_compute_seconds_sum{model=\"m\",version=\"3\"} 0.000015",
            "strongroom_batch_rows_bucket{model=\"m\",version=\"3\",le=\"8\"} 1",
            "strongroom_queued_requests{model=\"m\"} 2",
            "strongroom_queued_bytes{model=\"m\"} 32",
            "strongroom_displaced_requests_total{model=\"m\",version=\"3\"} 6",
            "strongroom_loaded_bytes{model=\"m\",version=\"3\"} 77",
            "strongroom_load_seconds_count 1",
            "strongroom_engine_hosts{model=\"m\",version=\"3\"} 2",
            "strongroom_engine_host_ends_total{model=\"m\",version=\"3\",reason=\"SIGFPE\"} 1",
            "strongroom_engine_host_ends_total{model=\"m\",version=\"2\",reason=\"released\"} 1",
            "strongroom_engine_host_start_seconds_bucket{le=\"0.25\"} 4",
            "strongroom_engine_host_start_seconds_count 4",
            "strongroom_load_failures_total 1",
            "strongroom_swap_seconds_count{model=\"m\"} 1",
            "strongroom_swap_drained_requests{model=\"m\"} 9",
            "strongroom_swap_failed_requests{model=\"m\"} 1",
            "strongroom_clamped_priorities_total 0",
            "strongroom_open_connections{protocol=\"http\"} 0",
            "strongroom_tls_handshakes_total{result=\"failed\"} 0",
        ]
    )
    func own(line: String) throws {
        #expect(try lines().contains(Substring(line)))
    }

    @Test(
        "and under those of Triton, times in microseconds",
        arguments: [
            ("request_success", 2), ("request_failure", 3), ("count", 5), ("exec_count", 1),
            ("request_duration_us", 6_000), ("queue_duration_us", 1),
            ("compute_infer_duration_us", 15),
        ]
    )
    func triton(name: String, value: Int) throws {
        let line = "nv_inference_\(name){model=\"m\",version=\"3\"} \(value)"
        #expect(try lines().contains(Substring(line)))
    }

    @Test("a model without a swap has no series of swaps")
    func noSwaps() throws {
        #expect(try !lines().contains { $0.contains("swap") && $0.contains("\"n\"") })
    }
}
