internal import Engine
internal import Hosting
internal import Text

/// A model that an engine host runs. Releasing it ends the host.
final class HostedModel: InferenceModel {
    let signature: ModelSignature
    let resources: ModelResources
    /// The server's own analysis, not the host's.
    let rowAnalysis: RowAnalysis

    private let supervisor: HostSupervisor<ProcessStarter>

    /// Describes a model whose first host has started.
    init(_ found: HostedFindings, rows: RowAnalysis, _ supervisor: HostSupervisor<ProcessStarter>) {
        signature = found.signature
        resources = found.resources
        rowAnalysis = rows
        self.supervisor = supervisor
    }

    deinit { supervisor.release() }

    func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        let host = try supervisor.host(for: stop)
        return try host.channel.run(
            inputs,
            outputs: outputs,
            signature: signature,
            rows: rowAnalysis,
            stop: stop
        )
    }
}
