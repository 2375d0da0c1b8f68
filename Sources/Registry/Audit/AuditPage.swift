/// A part of the audit log, as far as one caller may see it.
package struct AuditPage: Sendable, Equatable {
    /// The events that the caller may see, oldest first.
    package let events: [AuditEventInfo]
    /// The sequence after which the next page begins; `nil` if the end of the log was reached. The
    /// event there may be one that the caller may not see. A full page always has one, so that it
    /// does not tell whether hidden events follow.
    package let next: UInt64?
}

extension Registry {
    /// Reads the audit log, oldest first, past the events that the caller may not see.
    ///
    /// - Parameters:
    ///   - model: Events of this model only; `nil`: all.
    ///   - sequence: The position that the page before gave; 0 from the first event.
    ///   - limit: Events wanted, cut to ``Limits/maxPageEntries``.
    ///   - scanLimit: Events read at most, hidden ones among them. A page may hold fewer events
    ///     than wanted for that reason, and none at all.
    ///   - visible: Whether the caller may know of a model; asked with an empty name for events of
    ///     the registry as a whole.
    package func auditPage(
        model: String?,
        after sequence: UInt64,
        limit: Int,
        scanLimit: Int = Limits.maxScannedAuditEvents,
        where visible: (String) -> Bool
    ) throws -> AuditPage {
        // Not read: a caller could tell a hidden model with many events from one without any.
        if let model, !visible(model) { return AuditPage(events: [], next: nil) }
        let limit = Limits.page(limit)
        return try metadata.read { transaction in
            var events: [AuditEventInfo] = []
            var scanned = 0
            var next: UInt64?
            try transaction.auditEvents(
                model: model,
                after: min(sequence, UInt64(Int64.max))
            ) { event in
                scanned += 1
                if visible(event.model) { events.append(event) }
                guard events.count == limit || scanned == scanLimit else { return true }
                next = event.sequence
                return false
            }
            return AuditPage(events: events, next: next)
        }
    }
}
