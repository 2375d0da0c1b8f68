/// What an event of the audit log says that happened to the tables: section 5 of
/// docs/REGISTRY-FORMAT.md.
enum LoggedChange: Equatable {
    case published
    case versionRejected(reason: String)
    case versionValidated
    case versionDeleted
    /// `version` is what answered.
    case asked(Alias, isRollback: Bool)
    /// `version` is what answered before.
    case served(Alias)
    /// `version` is what goes on answering.
    case rejected(Alias)
    case aliasDeleted(name: String, generation: UInt64)
    /// Something that changed none of the tables that are compared.
    case other

    /// What the detail of an event of an alias states.
    struct Alias: Equatable {
        let name: String
        let version: UInt64
        let generation: UInt64
        /// Only of a move that was asked for.
        var overrides = MoveOverrides()
        /// Empty if there is none.
        let reason: String
    }

    /// - Returns: nil for a detail that is not of its action's form.
    init?(action: String, detail: String) {
        switch action {
        case AuditAction.publish: self = .published
        case AuditAction.versionReject: self = .versionRejected(reason: detail)
        case AuditAction.versionValidate:
            guard detail.isEmpty else { return nil }
            self = .versionValidated
        case AuditAction.versionDelete: self = .versionDeleted
        case AuditAction.aliasSet:
            guard let alias = Alias(detail, between: " from ", hasOverrides: true) else {
                return nil
            }
            self = .asked(alias, isRollback: false)
        case AuditAction.rollback, AuditAction.aliasServed:
            guard let alias = Alias(detail, between: " from ") else { return nil }
            self =
                action == AuditAction.aliasServed
                ? .served(alias) : .asked(alias, isRollback: true)
        case AuditAction.aliasRejected:
            guard let alias = Alias(detail, between: " stays at ") else { return nil }
            self = .rejected(alias)
        case AuditAction.aliasDelete:
            var text = Array(detail.utf8)[...]
            guard let name = text.takeName(), text.take(", generation "),
                let generation = text.takeNumber(), text.isEmpty
            else { return nil }
            self = .aliasDeleted(name: name, generation: generation)
        default: self = .other
        }
    }
}

extension LoggedChange {
    /// The alias of which the event tells; nil for one of something else.
    func aliasName(model: String) -> AliasName? {
        switch self {
        case .asked(let alias, _), .served(let alias), .rejected(let alias):
            AliasName(model: model, name: alias.name)
        case .aliasDeleted(let name, _): AliasName(model: model, name: name)
        case .published, .versionRejected, .versionValidated, .versionDeleted, .other: nil
        }
    }

    /// Whether the event tells of a version's row.
    var isOfVersion: Bool {
        switch self {
        case .published, .versionRejected, .versionValidated, .versionDeleted: true
        case .asked, .served, .rejected, .aliasDeleted, .other: false
        }
    }
}

extension LoggedChange.Alias {
    /// Reads `NAME<words>VERSION, generation GENERATION[: REASON]`.
    ///
    /// - Parameter hasOverrides: Whether `[, allow_signature_change][, force]` may stand behind
    ///   the generation.
    fileprivate init?(_ detail: String, between words: String, hasOverrides: Bool = false) {
        var text = Array(detail.utf8)[...]
        guard let name = text.takeName(), text.take(words), let version = text.takeNumber(),
            text.take(", generation "), let generation = text.takeNumber()
        else { return nil }
        let overrides = MoveOverrides(
            allowsSignatureChange: hasOverrides
                && text.take(", \(MoveOverrides.signatureChangeName)"),
            isForced: hasOverrides && text.take(", \(MoveOverrides.forceName)")
        )
        guard text.isEmpty || text.take(": ") else { return nil }
        self.init(
            name: name,
            version: version,
            generation: generation,
            overrides: overrides,
            reason: String(decoding: text, as: UTF8.self)
        )
    }
}

// By bytes: what follows a separator may combine with it to one character.
extension ArraySlice<UInt8> {
    /// Takes a text from the front.
    fileprivate mutating func take(_ text: String) -> Bool {
        guard starts(with: text.utf8) else { return false }
        removeFirst(text.utf8.count)
        return true
    }

    /// Takes what a name may consist of.
    fileprivate mutating func takeName() -> String? {
        let name = prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard !name.isEmpty else { return nil }
        removeFirst(name.count)
        return String(decoding: name, as: UTF8.self)
    }

    /// Takes a decimal number.
    fileprivate mutating func takeNumber() -> UInt64? {
        let digits = prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        removeFirst(digits.count)
        return UInt64(String(decoding: digits, as: UTF8.self))
    }
}
