internal import Engine
internal import Text

/// A model whose every run ends when the load that makes it is stopped.
final class StoppableModel: InferenceModel {
    private let model: any InferenceModel
    private let stop: RunStop

    init(_ model: any InferenceModel, stop: RunStop) {
        self.model = model
        self.stop = stop
    }

    var signature: ModelSignature { model.signature }
    var resources: ModelResources { model.resources }
    var rowAnalysis: RowAnalysis { model.rowAnalysis }

    func run(
        _ inputs: [InputTensor],
        outputs: [ExactString],
        stop: RunStop?
    ) throws(EngineError) -> [OutputTensor] {
        try model.run(inputs, outputs: outputs, stop: stop ?? self.stop)
    }
}
