internal import JSON
internal import Text

/// What a child process says of its load: how far it has come, and at last how it ended. What it
/// says is what a model may have made it say.
enum FirstLoadReport {
    case step(LoadStep)
    case passed(VersionFindings)
    case failed(Loader.Failure)
    /// Memory ran out.
    case outOfMemory(detail: String)

    func encoded() -> [UInt8] {
        let texts: [(String, String)] =
            switch self {
            case .step(.load): [("step", "load")]
            case .step(.warmUp): [("step", "warm-up")]
            case .step(.golden(let path)): [("step", "golden"), ("path", path)]
            case .step(.rows): [("step", "rows")]
            case .passed(let findings): [("end", "passed")] + Self.texts(findings)
            case .outOfMemory(let detail): [("end", "out of memory"), ("detail", detail)]
            case .failed(.rejected(let reason, let detail)):
                [("end", "rejected"), ("message", reason), ("detail", detail)]
            case .failed(.damaged(let error)): Self.texts("damaged", error)
            case .failed(.refused(let error)): Self.texts("refused", error)
            case .failed(.passing(let error)): Self.texts("passing", error)
            }
        let members = texts.map { JSONValue.Member(name: ExactString($0), value: .string($1)) }
        return Array(JSONValue.object(members).text.utf8)
    }

    /// Reads a report; nil if it is none.
    init?(_ message: [UInt8]) {
        guard let json = try? JSONValue(parsing: message) else { return nil }
        func text(_ name: String) -> String? {
            guard case .string(let text)? = json[ExactString(name)] else { return nil }
            return text
        }
        switch text("step") {
        case "load": self = .step(.load)
        case "warm-up": self = .step(.warmUp)
        case "golden": self = .step(.golden(text("path") ?? ""))
        case "rows": self = .step(.rows)
        case nil:
            guard let end = Self.end(text) else { return nil }
            self = end
        default: return nil
        }
    }

    private static func end(_ text: (String) -> String?) -> FirstLoadReport? {
        let (message, detail) = (text("message") ?? "", text("detail") ?? "")
        func error(_ code: ServingError.Code) -> ServingError {
            ServingError(code, message, detail: detail)
        }
        switch text("end") {
        case "passed": return findings(text).map { .passed($0) }
        case "out of memory": return .outOfMemory(detail: detail)
        case "rejected": return .failed(.rejected(reason: message, detail: detail))
        case "damaged": return .failed(.damaged(error(.dataLoss)))
        case "refused": return .failed(.refused(error(.notFound)))
        case "passing": return .failed(.passing(error(.unavailable)))
        default: return nil
        }
    }

    private static func texts(_ findings: VersionFindings) -> [(String, String)] {
        let plan = findings.plan
        return [
            ("merged", "\(plan.isMerged)"), ("why", plan.why), ("max_rows", "\(plan.maxRows)"),
            ("at_risk", "\(plan.isAtPublishersRisk)"), ("check_ms", "\(plan.checkMs)"),
            ("deterministic", "\(findings.isDeterministic)"),
        ]
    }

    private static func findings(_ text: (String) -> String?) -> VersionFindings? {
        guard let isMerged = text("merged").flatMap(Bool.init), let why = text("why"),
            let maxRows = text("max_rows").flatMap({ Int($0) }), maxRows > 0,
            let isAtRisk = text("at_risk").flatMap(Bool.init),
            let checkMs = text("check_ms").flatMap({ UInt64($0) }),
            let isDeterministic = text("deterministic").flatMap(Bool.init)
        else { return nil }
        let plan = BatchPlan(
            isMerged: isMerged,
            why: why,
            maxRows: maxRows,
            // The card's: see ``BatchPlan/bounded(by:)``.
            maxDelayUs: 0,
            isAtPublishersRisk: isAtRisk,
            checkMs: checkMs
        )
        return VersionFindings(plan: plan, isDeterministic: isDeterministic)
    }

    private static func texts(_ end: String, _ error: ServingError) -> [(String, String)] {
        [("end", end), ("message", error.message), ("detail", error.detail)]
    }
}
