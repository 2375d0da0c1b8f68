internal import Metrics
internal import Serving

extension Exposition {
    /// Writes a version's figures under the names that dashboards for Triton use. Times are sums in
    /// microseconds.
    mutating func writeTriton(_ figures: ServingFigures) {
        typealias Of = (ServingFigures.Version) -> UInt64
        let counters: [(name: String, help: String, of: Of)] = [
            ("request_success", "Requests that succeeded.", { $0.latency.count }),
            ("request_failure", "Requests that failed.", { $0.failed }),
            ("count", "Rows that were run.", { $0.rows.sum }),
            ("exec_count", "Runs.", { $0.rows.count }),
            ("request_duration_us", "From arrival to answer.", { $0.latency.sum / 1_000 }),
            ("queue_duration_us", "From the queue to the run.", { $0.queue.sum / 1_000 }),
            ("compute_infer_duration_us", "The run.", { $0.compute.sum / 1_000 }),
        ]
        for (name, help, of) in counters {
            write(.counter, "nv_inference_" + name, help) { samples in
                for version in figures.versions {
                    samples.add(
                        of(version),
                        ["model": version.model, "version": "\(version.version)"]
                    )
                }
            }
        }
    }
}
