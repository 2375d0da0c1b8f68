internal import Engine
internal import Registry
internal import Sealing
internal import Text

extension Loader {
    /// Runs a loaded version: the warm-up or the golden requests, and the comparisons whose results
    /// are not known.
    func run(
        _ version: LoadableVersion,
        model: any InferenceModel,
        known: VersionFindings?
    ) throws(Failure) -> Examined {
        let repetition = known == nil ? DeterminismCheck(of: model) : nil
        let omitted = known?.omitted ?? omitted
        var isDeterministic = known?.isDeterministic ?? (model.rowAnalysis.randomNode == nil)
        var golden: [GoldenRequest] = []
        var warmUpFailure: String?
        if version.card.golden.isEmpty {
            warmUpFailure = try warmUp(model, omitted)
        } else {
            golden = try runGolden(version, model: model, repetition, &isDeterministic)
        }
        reached(.rows)
        if omitted.omitsComparisons {
            isDeterministic = false
        } else if let repetition, isDeterministic {
            isDeterministic = try isStable(repetition)
        }
        let plan = try plan(
            BatchRule(
                of: model,
                batching: version.card.batching,
                isDeterministic: isDeterministic,
                endedProcess: omitted.omitsComparisons
            ),
            model: model,
            golden: golden,
            known: known?.plan
        )
        return Examined(
            model: model,
            golden: golden,
            findings: VersionFindings(
                plan: plan,
                isDeterministic: isDeterministic,
                omitted: omitted
            ),
            warmUpFailure: warmUpFailure
        )
    }

    /// No version goes live without a run, unless its inputs are too large for one.
    /// - Returns: Why every run failed; nil if one passed, or there was none.
    private func warmUp(
        _ model: any InferenceModel,
        _ omitted: OmittedRuns
    ) throws(Failure) -> String? {
        do throws(EngineError) {
            return try WarmUp(of: model.signature).run(on: model, omitted: omitted) {
                reached(.warmUp(attempt: $0))
            }
        } catch {
            throw Failure(engine: error)
        }
    }

    /// - Parameters:
    ///   - repetition: Repeats each run; nil: it is known whether answers vary.
    ///   - isDeterministic: Cleared if an answer varies within its request's tolerance.
    /// - Returns: The first golden requests. All of them have passed.
    private func runGolden(
        _ version: LoadableVersion,
        model: any InferenceModel,
        _ repetition: DeterminismCheck?,
        _ isDeterministic: inout Bool
    ) throws(Failure) -> [GoldenRequest] {
        var passed: [GoldenRequest] = []
        for path in version.card.golden {
            reached(.golden(path.text))
            let json = try read(path, of: version)
            do throws(GoldenRequest.Failure) {
                let request = try json.withBytes { (json) throws(GoldenRequest.Failure) in
                    try GoldenRequest(path: path.text, json: json)
                }
                if try request.varies(on: model, repetition) { isDeterministic = false }
                // The others are not needed any more, and may be large.
                if passed.count < BatchSamples.maxGolden { passed.append(request) }
            } catch {
                throw Failure(golden: error)
            }
        }
        return passed
    }

    private func isStable(_ check: DeterminismCheck) throws(Failure) -> Bool {
        do {
            return try check.isStable()
        } catch {
            throw Failure(engine: error)
        }
    }

    /// The decision whether requests to the version share runs.
    /// - Parameter known: The result of an earlier comparison, here or in another process. It
    ///   stands only where this process's own analysis of the graph allows it.
    func plan(
        _ rule: BatchRule,
        model: any InferenceModel,
        golden: [GoldenRequest],
        known: BatchPlan?
    ) throws(Failure) -> BatchPlan {
        if let known, case .comparing = rule.verdict { return known.bounded(by: rule.batching) }
        do {
            let memory = BatchMemory(memory)
            return try BatchInvarianceCheck(model: model, rule: rule, memory: memory).plan(
                golden: golden.map(\.inputs)
            )
        } catch let error as BatchInvarianceCheck.Refusal {
            throw .rejected(reason: error.reason, detail: "")
        } catch let error as EngineError {
            throw Failure(engine: error)
        } catch {
            throw .passing(
                ServingError(
                    .unavailable,
                    "merged runs could not be compared",
                    detail: "\(error)"
                )
            )
        }
    }
}

extension GoldenRequest {
    /// Runs the request and compares the answer with the expected one.
    ///
    /// - Parameter repetition: Repeats the run; nil: the request runs once.
    /// - Returns: Whether the answer varies between the two runs, within the request's tolerance.
    /// - Throws: ``Failure``. That of a request without a tolerance says that answers vary, where
    ///   they do.
    fileprivate func varies(
        on model: any InferenceModel,
        _ repetition: DeterminismCheck?
    ) throws(Failure) -> Bool {
        let first = try run(on: model)
        guard let repetition, repetition.mayRepeat else {
            try check(first, on: model)
            return false
        }
        let second = try run(on: model)
        let varying = repetition.varyingOutput(first, second)
        if let varying, isExact { throw variance("output \(varying) differs between two runs") }
        for outputs in [first, second] { try check(outputs, on: model) }
        return varying != nil
    }

    private func check(_ outputs: [OutputTensor], on model: any InferenceModel) throws(Failure) {
        do {
            try check(outputs)
        } catch {
            guard isExact, let node = model.rowAnalysis.randomNode else { throw error }
            throw variance("\(node) draws random numbers without a seed")
        }
    }

    private var isExact: Bool { atol == 0 && rtol == 0 }

    private func variance(_ evidence: String) -> Failure {
        Failure(
            description: "golden request \(path): the version's answers vary between runs of the "
                + "same request (\(evidence)), and atol and rtol are 0: give the random operators "
                + "a seed, or the golden request a tolerance"
        )
    }
}
