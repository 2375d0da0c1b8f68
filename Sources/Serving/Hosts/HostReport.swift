internal import Hosting
internal import JSON
internal import Sandbox
internal import Text

/// A message of an engine host to its server, until the host serves. Its content may be the work of
/// a model: every text is bounded, every number checked.
enum HostReport: Sendable {
    /// The library is loaded, and the first stage of the sandbox entered.
    case ready(SandboxReport)
    /// The host cannot work, or cannot be sandboxed.
    case unfit(reason: String)
    case step(LoadStep)
    /// The host waits for the content of a file.
    case wants(ExactString)
    /// The version has passed every check, and the host takes runs.
    case passed(HostedFindings)
    /// A check has failed.
    case failed(Loader.Failure)
    /// Memory ran out.
    case outOfMemory(detail: String)

    func encoded() -> [UInt8] { Array(json.text.utf8) }

    private var json: JSONValue {
        switch self {
        case .ready(let report):
            .object([
                .init(name: "ready", value: .bool(true)),
                .init(name: "landlock", value: .number("\(report.landlockVersion)")),
                .init(name: "filters", value: .bool(report.filtersCalls)),
            ])
        case .unfit(let reason): Self.texts([("unfit", reason)])
        case .step(.load): Self.texts([("step", "load")])
        case .step(.warmUp(let attempt)):
            .object([
                .init(name: "step", value: .string("warm-up")),
                .init(name: "attempt", value: .number("\(attempt)")),
            ])
        case .step(.golden(let path)): Self.texts([("step", "golden"), ("path", path)])
        case .step(.rows): Self.texts([("step", "rows")])
        case .wants(let path): Self.texts([("wants", path.text)])
        case .passed(let found): found.json
        case .outOfMemory(let detail): Self.texts([("end", "out of memory"), ("detail", detail)])
        case .failed(.rejected(let reason, let detail)):
            Self.texts([("end", "rejected"), ("message", reason), ("detail", detail)])
        case .failed(.damaged(let error)), .failed(.refused(let error)),
            .failed(.passing(let error)):
            Self.texts([("end", "passing"), ("message", error.message), ("detail", error.detail)])
        }
    }

    private static func texts(_ texts: [(String, String)]) -> JSONValue {
        .object(texts.map { .init(name: ExactString($0), value: .string($1)) })
    }
}

extension HostReport {
    /// Reads a report; nil if it is none.
    init?(_ message: [UInt8]) {
        let json = try? JSONValue(parsing: message, maxValues: HostMessages.maxReportValues)
        guard let json else { return nil }
        guard let report = Self.beginning(json) ?? Self.step(json) ?? Self.end(json) else {
            return nil
        }
        self = report
    }

    private static func text(_ name: ExactString, _ json: JSONValue) -> String? {
        guard case .string(let text)? = json[name] else { return nil }
        return HostText.bounded(text)
    }

    private static func beginning(_ json: JSONValue) -> HostReport? {
        if let reason = text("unfit", json) { return .unfit(reason: reason) }
        // A path is compared with those that are known, so it stays as it is.
        if case .string(let path)? = json["wants"] { return .wants(ExactString(path)) }
        guard case .bool(true)? = json["ready"],
            case .number(let version)? = json["landlock"], let version = Int(version),
            case .bool(let filters)? = json["filters"]
        else { return nil }
        var report = SandboxReport()
        report.landlockVersion = version
        report.filtersCalls = filters
        return .ready(report)
    }

    private static func step(_ json: JSONValue) -> HostReport? {
        switch text("step", json) {
        case "load": .step(.load)
        case "warm-up": warmUp(json)
        case "golden": .step(.golden(text("path", json) ?? ""))
        case "rows": .step(.rows)
        default: nil
        }
    }

    private static func warmUp(_ json: JSONValue) -> HostReport? {
        guard case .number(let attempt)? = json["attempt"], let attempt = Int(attempt),
            WarmUp.attempts.indices.contains(attempt)
        else { return nil }
        return .step(.warmUp(attempt: attempt))
    }

    private static func end(_ json: JSONValue) -> HostReport? {
        let (message, detail) = (text("message", json) ?? "", text("detail", json) ?? "")
        switch text("end", json) {
        case "passed": return HostedFindings(json).map { .passed($0) }
        case "out of memory": return .outOfMemory(detail: detail)
        case "rejected": return .failed(.rejected(reason: message, detail: detail))
        case "passing":
            return .failed(.passing(ServingError(.unavailable, message, detail: detail)))
        default: return nil
        }
    }
}
