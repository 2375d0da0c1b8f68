internal import Engine
internal import Registry

/// Versions that engine hosts load: the part that the server does itself.
extension Loader {
    /// Analyses a version's graph. Decrypts its entry, and runs no code of the runtime.
    func inspect(_ opened: OpenedVersion) throws(Failure) -> ModelInspection {
        let version = LoadableVersion(opened)
        let engine = try engine(of: version)
        return try withSource(of: version) { source throws(EngineError) in
            try engine.inspect(source, growth: growth)
        }
    }

    /// Makes a slot of a version that a host serves.
    ///
    /// The host's claims decide less than the server's analysis: requests are merged only where the
    /// analysis allows it, and never run on event loops.
    func slot(
        of opened: OpenedVersion,
        _ hosted: HostedVersion,
        model: any InferenceModel,
        inspection: ModelInspection,
        isolation: SlotIsolation
    ) throws(Failure) -> Slot {
        let findings = VersionFindings(
            plan: try plan(hosted, model, inspection.rows, opened.card.batching),
            isDeterministic: Self.isDeterministic(hosted, inspection.rows),
            omitted: hosted.findings.omitted
        )
        note(findings, of: opened.id)
        return Slot(
            id: opened.id,
            card: opened.card,
            model: model,
            plan: findings.plan,
            isDeterministic: findings.isDeterministic,
            executors: try executorsOfHost(),
            runSeconds: runSeconds(opened.id.model, opened.card),
            meter: meters.version(opened.id),
            byteCount: opened.info.bytes,
            isolation: isolation,
            warmUpFailure: hosted.warmUpFailure
        )
    }

    private func plan(
        _ hosted: HostedVersion,
        _ model: any InferenceModel,
        _ rows: RowAnalysis,
        _ batching: Card.Batching
    ) throws(Failure) -> BatchPlan {
        let rule = BatchRule(
            of: model,
            analysis: rows,
            batching: batching,
            isDeterministic: Self.isDeterministic(hosted, rows),
            endedProcess: hosted.findings.omitted.omitsComparisons
        )
        switch rule.verdict {
        case .comparing: return hosted.findings.plan.bounded(by: batching)
        case .alone(let why): return .alone(why)
        case .rejected(let reason): throw .rejected(reason: reason, detail: "")
        }
    }

    private func executorsOfHost() throws(Failure) -> Executors? {
        do throws(EngineError) {
            return try hostedExecutors()
        } catch {
            throw Failure(engine: error)
        }
    }

    private static func isDeterministic(_ hosted: HostedVersion, _ rows: RowAnalysis) -> Bool {
        hosted.findings.isDeterministic && !hosted.findings.omitted.omitsComparisons
            && rows.randomNode == nil
    }
}
