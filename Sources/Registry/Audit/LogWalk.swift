/// Walks the audit log from its first event to its newest, and follows what the events say.
struct LogWalk {
    let transaction: MetadataTransaction

    /// - Returns: The catalogue that the events make, and the newest event.
    /// - Throws: ``RegistryFault`` that names the first event that is missing, altered, or does not
    ///   follow from those before.
    func run() throws -> (told: LoggedCatalogue, newest: AuditEventInfo?) {
        var told = LoggedCatalogue()
        var newest: AuditEventInfo?
        do {
            try transaction.auditEvents(model: nil, after: nil) { event in
                try follow(event, after: newest, &told)
                newest = event
                return true
            }
        } catch let error as RegistryError where error.code == .dataLoss {
            throw RegistryFault("audit", "\((newest?.sequence ?? 0) + 1)")
        }
        return (told, newest)
    }

    private func follow(
        _ event: AuditEventInfo,
        after last: AuditEventInfo?,
        _ told: inout LoggedCatalogue
    ) throws {
        let expected = (last?.sequence ?? 0) + 1
        guard event.sequence == expected,
            event.previousHash == last?.hash ?? AuditHash.noPrevious, event.isIntact,
            let change = LoggedChange(action: event.action, detail: event.detail)
        else { throw RegistryFault("audit", "\(expected)") }
        do {
            try told.follow(change, event)
        } catch {
            throw RegistryFault("audit", "\(expected)")
        }
    }
}
