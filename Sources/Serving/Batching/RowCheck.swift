internal import Engine
internal import Registry
internal import Text

/// Finds out whether the rows of a model see each other: runs requests alone and together, in both
/// orders and in a full batch, and compares.
///
/// Models whose first dimension is something else than rows (time, say), that normalise over the
/// batch, or that quantise by the largest value of a whole tensor, give a row another answer when
/// it has company, and so may not be merged.
struct RowCheck {
    /// Requests that are compared; more would only make the load longer.
    static let maxSamples = 8
    /// Requests that are made up where the bundle has too few.
    private static let madeUp = 3

    let model: any InferenceModel
    let batching: Card.Batching

    /// A version whose card insists on merging, and whose rows see each other.
    struct Refusal: Error {
        let reason: String
    }

    /// Decides how requests to the model are run.
    /// - Parameter golden: the inputs of the bundle's golden requests.
    /// - Throws: ``Refusal`` where the card says `on`; what the engine throws when it is not there.
    func plan(golden: [[InputTensor]]) throws -> BatchPlan {
        guard batching.mode != .off else { return .alone("the card says so") }
        guard batching.maxRows > 1 else { return .alone("the card allows one row a run") }
        if let why = fixedDimension() { return try unmerged(why) }
        let groups = try groups(golden)
        guard !groups.isEmpty else {
            return try unmerged("no two requests could be run together to compare them")
        }
        for group in groups {
            if let why = try difference(in: group) { return try unmerged(why) }
        }
        let compared = groups.reduce(0) { $0 + $1.count }
        return BatchPlan(
            isMerged: true,
            why: "\(compared) requests gave in company what they gave alone",
            maxRows: batching.maxRows,
            maxDelayUs: batching.maxDelayUs
        )
    }

    private func unmerged(_ why: String) throws -> BatchPlan {
        guard batching.mode == .auto else {
            throw Refusal(reason: "the card says batching: on, but \(why)")
        }
        return .alone(why)
    }

    /// Rows can be told apart only by a first dimension that is free everywhere.
    private func fixedDimension() -> String? {
        let signature = model.signature
        if signature.inputs.isEmpty { return "the model has no inputs" }
        for (kind, specs) in [("input", signature.inputs), ("output", signature.outputs)] {
            if let spec = specs.first(where: { $0.shape.first != -1 }) {
                return "the first dimension of \(kind) \(quoted(spec.name)) is not free"
            }
        }
        return nil
    }

    /// Requests that ran alone and could run together, at least two in each group.
    private func groups(_ golden: [[InputTensor]]) throws -> [[Sample]] {
        var groups: [[Sample]] = []
        var left = Self.maxSamples
        func add(_ requests: [[InputTensor]]) throws {
            for inputs in requests where left > 0 {
                guard let rows = BatchShape.rows(of: inputs),
                    let sample = try sample(inputs, rows: rows)
                else { continue }
                left -= 1
                let place = groups.firstIndex { BatchShape.agree($0[0].inputs, sample.inputs) }
                if let place { groups[place].append(sample) } else { groups.append([sample]) }
            }
        }
        try add(golden)
        // One request in company of itself would hide what the largest value does.
        if !groups.contains(where: { $0.count > 1 }) {
            try add(MadeUpRows.requests(Self.madeUp, for: model.signature))
        }
        return groups.filter { $0.count > 1 }
    }

    /// A request with what it gives alone; nil if the model refuses it, or its answer is not rows.
    private func sample(_ inputs: [InputTensor], rows: Int) throws -> Sample? {
        guard let outputs = try run(inputs), outputs.allSatisfy({ $0.shape.first == Int64(rows) })
        else { return nil }
        return Sample(inputs: inputs, rows: rows, outputs: outputs)
    }

    /// How the answers of a group differ when its requests run together; nil if they do not.
    private func difference(in group: [Sample]) throws -> String? {
        for together in [group, group.reversed(), full(group)] {
            let batch = GatheredBatch(together.map(\.inputs))
            guard let outputs = try run(batch.inputs),
                let parts = OutputParts(outputs, rows: together.map(\.rows))
            else { return "requests that ran alone did not run together" }
            for (index, sample) in together.enumerated() {
                for (alone, merged) in zip(sample.outputs, parts.outputs(of: index))
                where !RowComparison(tolerance: batching.tolerance).agree(alone, merged) {
                    return "a row of output \(quoted(alone.name)) differs when it has company"
                }
            }
        }
        return nil
    }

    /// As many requests of a group, over and over, as a batch may hold: engines take other ways
    /// through many rows than through few.
    private func full(_ group: [Sample]) -> [Sample] {
        var together: [Sample] = []
        var rows = 0
        for index in 0... {
            let sample = group[index % group.count]
            guard rows + sample.rows <= batching.maxRows else { break }
            rows += sample.rows
            together.append(sample)
        }
        return together.isEmpty ? group : together
    }

    /// What a run gives; nil if the model refuses it or fails on it, which says nothing of requests
    /// that callers send.
    private func run(
        _ inputs: [InputTensor]
    ) throws(EngineError) -> [OutputTensor]? {
        do {
            return try model.run(inputs, outputs: [], stop: nil)
        } catch {
            switch error.code {
            case .invalidInput, .runtimeFailed: return nil
            case .invalidModel, .unsupported, .terminated, .outOfMemory, .unavailable:
                throw error
            }
        }
    }

    private struct Sample {
        let inputs: [InputTensor]
        let rows: Int
        let outputs: [OutputTensor]
    }
}
