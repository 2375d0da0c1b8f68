import Registry

/// Checks that calls which ran at once could have run one after the other, in the order of the
/// audit log: that order agrees with the calls' times, each accepted call answered what it had to
/// in its place, and each other call has an instant, between its begin and its end, at which its
/// answer was right.
struct HistoryCheck {
    private(set) var violations: [String] = []
    /// The state after the last call.
    private(set) var final = RegistryModel()

    init(_ calls: [Call], _ events: [AuditEventInfo]) {
        let validated = Set(
            events.filter { $0.action == AuditAction.versionValidate }.map(\.principal)
        )
        func isChange(_ call: Call) -> Bool {
            call.isChange || validated.contains(call.principal)
        }
        let changes = order(calls.filter(isChange), events)
        checkTimes(changes)
        let states = replay(changes)
        for call in calls where !isChange(call) {
            let first = (changes.lastIndex { $0.end < call.begin } ?? -1) + 1
            let last = changes.firstIndex { $0.begin > call.end } ?? changes.count
            if first > last || !states[first...last].contains(where: { $0.explains(call) }) {
                violations.append("no instant explains \(call)")
            }
        }
    }

    /// Calls that changed something, as the log orders them.
    private mutating func order(_ calls: [Call], _ events: [AuditEventInfo]) -> [Call] {
        var open: [String: Call] = [:]
        for call in calls { open[HistoryCheck.key(of: call)] = call }
        var ordered: [Call] = []
        var keyBefore = ""
        for (index, event) in events.enumerated() {
            if event.sequence != UInt64(index + 1) { violations.append("gap at \(event)") }
            let key = HistoryCheck.key(of: event)
            // A publish with an alias has two events, side by side.
            if key == keyBefore || event.action == AuditAction.initialise { continue }
            keyBefore = key
            guard let call = open.removeValue(forKey: key) else {
                violations.append("nobody asked for \(event)")
                continue
            }
            ordered.append(call)
        }
        violations += open.values.map { "the log does not know of \($0)" }
        return ordered
    }

    private mutating func checkTimes(_ changes: [Call]) {
        var latestBegin = 0
        for call in changes {
            if call.end < latestBegin { violations.append("logged after a later call: \(call)") }
            latestBegin = max(latestBegin, call.begin)
        }
    }

    /// - Returns: The states between the calls, one more than calls.
    private mutating func replay(_ changes: [Call]) -> [RegistryModel] {
        var states = [RegistryModel()]
        for call in changes {
            if let fault = final.apply(call) { violations.append("\(fault): \(call)") }
            states.append(final)
        }
        return states
    }

    /// Moves are settled by the server, each once; everything else has a principal of its own.
    private static func key(of call: Call) -> String {
        guard case .settle(let alias, let generation, _) = call.action else {
            return call.principal
        }
        return "\(alias) \(generation)"
    }

    private static func key(of event: AuditEventInfo) -> String {
        guard event.principal == AuditAction.serverPrincipal else { return event.principal }
        let alias = event.detail.prefix { $0 != " " }
        let generation = event.detail.split(separator: "generation ").last ?? ""
        return "\(alias) \(generation.prefix { $0.isNumber })"
    }
}
