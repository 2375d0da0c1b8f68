internal import Engine
internal import Registry
internal import Text

/// The static part of the decision on merged runs: the card, the signature and the analysis of the
/// graph. No model is run for it.
struct BatchRule {
    /// The numbers of rows at which merged runs are to be compared with single ones.
    enum Sizes: Equatable {
        /// Each from 2 to `max_rows`: the bits of an answer may depend on the number of rows.
        case every
        /// A sample: see ``BatchSizes``.
        case sample
    }

    /// The result.
    enum Verdict: Equatable {
        /// Each request runs alone.
        case alone(why: String)
        /// The card insists on merged runs, which cannot be: the version is rejected.
        case rejected(reason: String)
        /// Requests may be merged if the comparison agrees. `risk` is the step of the proof that
        /// the card's `mode: on` replaces; nil: everything is proved.
        case comparing(Sizes, risk: String?)
    }

    let signature: ModelSignature
    let analysis: RowAnalysis
    /// Intra-op threads of one run.
    let threads: Int
    let batching: Card.Batching
    /// Whether two runs of one request gave the same answer.
    let isDeterministic: Bool
    /// Whether the comparison of its runs ended a process: nothing is known of its answers then.
    let endedProcess: Bool

    /// - Parameter analysis: The analysis of the graph; nil: the one that the model tells.
    init(
        of model: any InferenceModel,
        analysis: RowAnalysis? = nil,
        batching: Card.Batching,
        isDeterministic: Bool,
        endedProcess: Bool = false
    ) {
        signature = model.signature
        self.analysis = analysis ?? model.rowAnalysis
        threads = model.resources.threads
        self.batching = batching
        self.isDeterministic = isDeterministic
        self.endedProcess = endedProcess
    }

    var verdict: Verdict {
        guard batching.mode != .off else { return .alone(why: "the card says batching: off") }
        guard batching.maxRows > 1 else { return .alone(why: "the card allows one row a run") }
        let obstacle =
            shapeObstacle ?? varianceObstacle ?? proofObstacle ?? bitsObstacle ?? crashObstacle
        if let obstacle {
            return unmerged(obstacle)
        }
        guard case .rowCountOnly(let risk) = analysis.independence else {
            return .comparing(sizes, risk: nil)
        }
        return .comparing(sizes, risk: risk)
    }

    /// The verdict when requests cannot be merged: a card that insists on it is wrong.
    func unmerged(_ why: String) -> Verdict {
        guard batching.mode == .on else { return .alone(why: why) }
        return .rejected(reason: "the card says batching: on, but \(why)")
    }

    private var needsEqualBits: Bool { batching.tolerance == 0 }

    /// The node by which bits may depend on the number of rows, as the end of a sentence.
    var cause: String {
        if case .dependsOnRowCount(let reason) = analysis.precision { return ": \(reason)" }
        return threads > 1 ? ": a run has \(threads) threads" : ""
    }

    private var sizes: Sizes {
        guard needsEqualBits else { return .sample }
        // Threads divide the work of an operator by its size.
        if threads > 1 { return .every }
        guard case .dependsOnRowCount = analysis.precision else { return .sample }
        return .every
    }

    /// Rows can be told apart only by a first dimension of any size, in every input and output. An
    /// optional input does not count: a request that gives one runs alone.
    private var shapeObstacle: String? {
        let required = signature.inputs.filter { !$0.isOptional }
        if required.isEmpty { return "the model has no inputs that every request gives" }
        // Some exporters declare a wrong first dimension of an output: the proof counts.
        let isProved = analysis.independence == .proved
        for (kind, specs) in [("input", required), ("output", isProved ? [] : signature.outputs)] {
            for spec in specs {
                if spec.hasUnknownRank {
                    return "\(kind) \(quoted(spec.name)) has no declared shape"
                }
                if spec.shape.first != -1 {
                    return "the first dimension of \(kind) \(quoted(spec.name)) is fixed"
                }
            }
        }
        return nil
    }

    private var varianceObstacle: String? {
        if let node = analysis.randomNode {
            return "answers vary between runs: \(node) draws random numbers without a seed"
        }
        return isDeterministic || endedProcess
            ? nil : "answers vary between runs of the same request"
    }

    private var crashObstacle: String? { endedProcess ? OmittedRuns.whyUnmerged : nil }

    private var proofObstacle: String? {
        switch analysis.independence {
        case .proved: nil
        case .rowCountOnly(let reason):
            batching.mode == .on ? nil : "the graph does not prove rows independent: \(reason)"
        case .unproved(let reason):
            "the graph does not prove one output row for each input row: \(reason)"
        }
    }

    private var bitsObstacle: String? {
        guard needsEqualBits, case .dependsOnPlace(let reason) = analysis.precision else {
            return nil
        }
        return "the last bits of an answer depend on its place in the run, and the card's "
            + "tolerance is 0: \(reason)"
    }
}
