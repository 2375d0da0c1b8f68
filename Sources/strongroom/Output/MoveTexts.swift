internal import JSON
internal import Text
internal import Wire

extension V1.Alias {
    /// The effect of a move, for people.
    func text(of model: String, previous: UInt64, _ signatureChanges: [String]) -> String {
        let subject = "\(model) \(name)"
        guard version == targetVersion else { return "\(subject): \(pendingText)" }
        let before = previous == 0 ? "" : ", before that version \(previous)"
        let line = "\(subject): version \(version) answers\(before) (generation \(generation))"
        return MoveTexts.lines(line, signatureChanges)
    }

    /// That the last move has not ended.
    var pendingText: String {
        let answering = version == 0 ? "none answers yet" : "version \(version) answers until then"
        return "the move to version \(targetVersion) is pending; \(answering)"
    }

    /// The alias with what the move means for callers.
    func json(_ signatureChanges: [String]) -> JSONValue {
        json.merging(.object(["signature_changes": .texts(signatureChanges)]))
    }
}

/// Texts of the commands that move aliases.
enum MoveTexts {
    /// A line, and below it the differences of the signature that break callers.
    static func lines(_ line: String, _ signatureChanges: [String]) -> String {
        ([line] + signatureChanges.map { "  breaks callers: \($0)" })
            .map(\.escaped).joined(separator: "\n")
    }

    /// The options that make a move which was refused, if its failure names what it needs.
    static func hint(for failure: String) -> String? {
        let options = [
            ("allow_signature_change", "--allow-signature-change"), ("force", "--force"),
        ].filter { failure.contains("the move needs \($0.0)") }.map(\.1)
        guard !options.isEmpty else { return nil }
        return "\(options.joined(separator: " ")) moves the alias all the same"
    }
}
