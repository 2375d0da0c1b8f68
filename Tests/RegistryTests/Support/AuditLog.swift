import Registry

extension Registry {
    /// The first events of the audit log that `visible` lets through.
    func auditEvents(
        model: String?,
        after sequence: UInt64,
        limit: Int,
        where visible: (String) -> Bool
    ) throws -> [AuditEventInfo] {
        try auditPage(model: model, after: sequence, limit: limit, where: visible).events
    }
}
