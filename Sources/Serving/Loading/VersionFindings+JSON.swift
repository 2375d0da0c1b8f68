internal import JSON
internal import Registry
internal import Text

extension VersionFindings {
    /// Milliseconds that a comparison of runs may be said to have taken, inclusive: one day.
    static let maxCheckMs: UInt64 = 86_400_000

    /// The findings for another process, without the card's delay of merged runs.
    var json: JSONValue {
        .object([
            .init(name: "merged", value: .bool(plan.isMerged)),
            .init(name: "why", value: .string(plan.why)),
            .init(name: "max_rows", value: .number("\(plan.maxRows)")),
            .init(name: "at_risk", value: .bool(plan.isAtPublishersRisk)),
            .init(name: "check_ms", value: .number("\(plan.checkMs)")),
            .init(name: "deterministic", value: .bool(isDeterministic)),
        ])
    }

    /// Reads findings; nil if they are none, or if a number is none that a comparison may give.
    /// Texts are bounded.
    init?(_ json: JSONValue) {
        guard case .bool(let isMerged)? = json["merged"], case .string(let why)? = json["why"],
            case .number(let maxRows)? = json["max_rows"], let maxRows = Int64(maxRows),
            (1...(isMerged ? Card.maxRows : 1)).contains(maxRows),
            case .bool(let isAtRisk)? = json["at_risk"],
            case .number(let checkMs)? = json["check_ms"], let checkMs = UInt64(checkMs),
            checkMs <= Self.maxCheckMs,
            case .bool(let isDeterministic)? = json["deterministic"]
        else { return nil }
        let plan = BatchPlan(
            isMerged: isMerged,
            why: HostText.bounded(why),
            maxRows: Int(maxRows),
            // The card's: see ``BatchPlan/bounded(by:)``.
            maxDelayUs: 0,
            isAtPublishersRisk: isAtRisk,
            checkMs: checkMs
        )
        self.init(plan: plan, isDeterministic: isDeterministic)
    }
}

extension OmittedRuns {
    /// The runs for another process.
    var json: JSONValue {
        let attempts = warmUps.map { attempt, failure in
            JSONValue.object([
                .init(name: "attempt", value: .number("\(attempt)")),
                .init(name: "failure", value: .string(failure)),
            ])
        }
        return .object([
            .init(name: "warm_ups", value: .array(attempts)),
            .init(name: "comparisons", value: .bool(omitsComparisons)),
        ])
    }

    /// Reads runs; nil if they are none.
    init?(_ json: JSONValue) {
        guard case .array(let attempts)? = json["warm_ups"],
            case .bool(let omitsComparisons)? = json["comparisons"]
        else { return nil }
        self.omitsComparisons = omitsComparisons
        for value in attempts {
            guard case .number(let attempt)? = value["attempt"], let attempt = Int(attempt),
                case .string(let failure)? = value["failure"]
            else { return nil }
            warmUps[attempt] = failure
        }
    }
}
