internal import Engine
internal import Registry
internal import Text

/// The comparison of merged runs with single ones, made when a version is loaded: a second line
/// behind the analysis of the graph, and independent of it.
///
/// Requests run alone and in runs of several sizes, each at several positions. A difference beyond
/// the card's tolerance means that rows see each other. A run without memory, or a spent time
/// budget, means that so many rows are not merged.
struct BatchInvarianceCheck {
    /// Processor time of the calling thread after which no larger run is compared, in nanoseconds:
    /// the clock would count the time of other threads, to which a load gives way.
    static let budgetNs: UInt64 = 5_000_000_000
    /// Up to this many rows a run is made in two orders.
    private static let twoOrdersRows = 16

    let model: any InferenceModel
    let rule: BatchRule
    var memory = BatchMemory()
    var budgetNs = Self.budgetNs

    /// A version whose card insists on merged runs that cannot be.
    struct Refusal: Error {
        let reason: String
    }

    /// Decides how requests to the model run.
    /// - Parameter golden: The inputs of the bundle's golden requests.
    /// - Throws: ``Refusal``, or what a run throws if the engine is not there.
    func plan(golden: [[InputTensor]]) throws -> BatchPlan {
        let begin = ContinuousClock.now
        var plan =
            switch rule.verdict {
            case .alone(let why): BatchPlan.alone(why)
            case .rejected(let reason): throw Refusal(reason: reason)
            case .comparing(let sizes, let risk):
                try compared(sizes, risk: risk, golden: golden)
            }
        plan.checkMs = (ContinuousClock.now - begin).nanoseconds / 1_000_000
        return plan
    }

    private func unmerged(_ why: String) throws -> BatchPlan {
        if case .rejected(let reason) = rule.unmerged(why) { throw Refusal(reason: reason) }
        return .alone(why)
    }

    private func compared(
        _ sizes: BatchRule.Sizes,
        risk: String?,
        golden: [[InputTensor]]
    ) throws -> BatchPlan {
        var progress = Progress(memory: memory, deadlineNs: ThreadTime.now + budgetNs)
        let samples = try BatchSamples(
            of: model,
            golden: golden,
            maxRows: rule.batching.maxRows,
            styles: styles(risk: risk)
        ) { inputs in try alone(inputs, &progress) }
        if let output = samples.outputOfOtherRows {
            return try unmerged("output \(output) has other numbers of rows than its request")
        }
        guard samples.count > 0 else {
            if let limit = progress.limit { return .alone(limit.why) }
            return try unmerged("the model takes no two requests that could be compared")
        }
        for rows in BatchSizes.list(sizes, maxRows: rule.batching.maxRows) {
            switch try compare(samples, rows: rows, &progress) {
            case .equal: progress.rows = rows
            case .unlike(let output) where sizes == .every && rule.batching.mode == .auto:
                let limit = BatchLimit.bits(rows: rows, output: output, cause: rule.cause)
                return plan(samples, risk, progress.rows, limit: limit)
            case .unlike(let output):
                return try unmerged(
                    "output \(output) of a row differs when it runs in company (\(rows) rows)"
                )
            case .apart:
                return try unmerged("requests that ran alone failed in a run of \(rows) rows")
            case .noMemory: return plan(samples, risk, progress.rows, limit: .memory(rows: rows))
            case .noTime: return plan(samples, risk, progress.rows, limit: .time(budgetNs))
            }
        }
        return plan(samples, risk, progress.rows, limit: nil)
    }

    private func styles(risk: String?) -> [SyntheticStyle] {
        let styles = SyntheticStyle.moderate + SyntheticStyle.extreme
        // Sizes inside of a graph that is not proved may follow from values.
        return risk == nil ? styles + SyntheticStyle.wideIntegers : styles
    }

    /// The answer to a request alone; nil if there is none, for want of time and memory too.
    private func alone(
        _ inputs: [InputTensor],
        _ progress: inout Progress
    ) throws(EngineError) -> [OutputTensor]? {
        guard !progress.isOutOfTime else {
            progress.limit = .time(budgetNs)
            return nil
        }
        do {
            return try run(inputs, &progress)
        } catch {
            guard error.code == .outOfMemory else { throw error }
            progress.limit = .memory(rows: 1)
            return nil
        }
    }

    // MARK: - One size

    private enum Comparison {
        case equal
        /// The first output that differs.
        case unlike(output: String)
        /// The run failed, or gave other numbers of rows.
        case apart
        case noMemory
        case noTime
    }

    private func compare(
        _ samples: BatchSamples,
        rows: Int,
        _ progress: inout Progress
    ) throws -> Comparison {
        for group in samples.groups {
            for together in Self.orders(of: group, rows: rows) {
                if progress.isOutOfTime { return .noTime }
                let result = try compare(together, &progress)
                guard case .equal = result else { return result }
            }
        }
        return .equal
    }

    private func compare(
        _ together: [BatchSamples.Sample],
        _ progress: inout Progress
    ) throws -> Comparison {
        let rows = together.reduce(0) { $0 + $1.rows }
        let bytes = together.reduce(0) { sum, sample in
            sum + sample.inputs.reduce(0) { $0 + $1.bytes.byteCount }
        }
        guard progress.memory.hasRoom(rows: rows, inputBytes: bytes) else { return .noMemory }
        let batch = GatheredBatch(together.map(\.inputs))
        let outputs: [OutputTensor]?
        do {
            outputs = try run(batch.inputs, &progress)
        } catch {
            guard error.code == .outOfMemory else { throw error }
            return .noMemory
        }
        guard let outputs, let parts = OutputParts(outputs, rows: together.map(\.rows)) else {
            return .apart
        }
        let comparison = OutputComparison(tolerance: rule.batching.tolerance)
        // An answer with a NaN is given by a run of its own.
        for (index, sample) in together.enumerated() where !sample.holdsNaN {
            if let name = comparison.difference(sample.outputs, parts.outputs(of: index)) {
                return .unlike(output: name)
            }
        }
        return .equal
    }

    /// The samples of a run of so many rows, in one or two orders. Each size begins with another
    /// sample, so that a sample meets many positions and neighbours.
    static func orders(
        of group: [BatchSamples.Sample],
        rows: Int
    ) -> [[BatchSamples.Sample]] {
        var together: [BatchSamples.Sample] = []
        var left = rows
        for index in 0..<max(rows, group.count) {
            let sample = group[(rows + index) % group.count]
            guard sample.rows <= left else { continue }
            left -= sample.rows
            together.append(sample)
        }
        guard together.count > 1 else { return [] }
        return rows <= twoOrdersRows ? [together, together.reversed()] : [together]
    }

    /// A run's answer; nil if the model refuses the request or fails on it.
    private func run(
        _ inputs: [InputTensor],
        _ progress: inout Progress
    ) throws(EngineError) -> [OutputTensor]? {
        let watch = progress.memory.begin()
        defer { progress.memory.end(watch, rows: BatchShape.rows(of: inputs) ?? 1) }
        do {
            return try model.run(inputs, outputs: [], stop: nil)
        } catch {
            switch error.code {
            case .invalidInput, .runtimeFailed: return nil
            case .invalidModel, .unsupported, .terminated, .overTime, .processEnded, .processLost,
                .outOfMemory, .unavailable:
                throw error
            }
        }
    }

    // MARK: - The result

    private struct Progress {
        var memory: BatchMemory
        let deadlineNs: UInt64
        /// The rows of the largest runs that were compared.
        var rows = 1
        /// The reason why a request could not run alone.
        var limit: BatchLimit?

        var isOutOfTime: Bool { ThreadTime.now >= deadlineNs }
    }

    private func plan(
        _ samples: BatchSamples,
        _ risk: String?,
        _ rows: Int,
        limit: BatchLimit?
    ) -> BatchPlan {
        if rows < 2, let limit { return .alone(limit.why) }
        let proof =
            risk.map { "at the publisher's risk (batching: on; not proved: \($0))" }
            ?? "the graph proves rows independent"
        let agreement = rule.batching.tolerance == 0 ? "the same bytes" : "answers within tolerance"
        let compared = "\(samples.count) requests gave \(agreement) alone and in runs of up to "
        let cut = limit.map { "; no larger runs: \($0.why)" } ?? ""
        return BatchPlan(
            isMerged: true,
            why: "\(proof); \(compared)\(rows) rows\(cut)",
            maxRows: rows,
            maxDelayUs: rule.batching.maxDelayUs,
            isAtPublishersRisk: risk != nil
        )
    }
}
