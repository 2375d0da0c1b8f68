internal import JSON
internal import StrongroomClient
internal import Text
internal import Wire

/// The comparison of merged runs with single ones that the load of a version made.
struct BatchingComparison {
    private let isMerged: Bool
    /// The reason of the decision.
    private let why: String
    /// A whole number.
    private let milliseconds: String

    /// Asks for the comparison of a loaded version; nil where the server does not tell.
    init?(of version: V1.Version, _ client: StrongroomClient) async {
        let spec = V1.ModelSpec(name: version.model, selector: .version(version.version))
        let loaded: V1.GetModelResponse? = try? await client.call(
            "Prediction",
            "GetModel",
            V1.GetModelRequest(model: spec)
        )
        guard let metadata = loaded?.metadata,
            let milliseconds = metadata["strongroom.batching.check_ms"]?.text,
            UInt64(milliseconds) != nil
        else { return nil }
        isMerged = metadata["strongroom.batching"] == "merged"
        why = metadata["strongroom.batching.why"]?.text ?? ""
        self.milliseconds = milliseconds
    }

    /// For `--format json`.
    var json: JSONValue {
        .object([
            "batching": .object([
                "merged": .bool(isMerged), "check_ms": .number(milliseconds),
            ])
        ])
    }

    /// For people.
    var text: String {
        let result = isMerged ? "merged" : "unmerged: \(why.escaped)"
        return "  batching   \(result)"
            + (milliseconds == "0" ? "" : ", compared in \(milliseconds) ms")
    }
}
