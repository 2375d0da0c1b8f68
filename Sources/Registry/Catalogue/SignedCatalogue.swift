/// The catalogue as it was signed last: the newest head, the event that it covers, and what the
/// audit log up to that event makes of the tables that no head states.
///
/// A registry keeps it in memory from its start on. So what a change starts from is what this
/// process has checked or signed, and not what lies in the database meanwhile.
struct SignedCatalogue: Sendable {
    /// The head's row.
    let stored: StoredHead
    let head: CatalogueHead
    /// The newest event.
    let event: AuditEventInfo
    let told: LoggedCatalogue
    /// SQLite's count of the commits of others that the writing connection has seen, as of the
    /// newest comparison of all tables; nil: there was none.
    let dataVersion: Int64?
}
