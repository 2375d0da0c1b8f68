internal import Registry
internal import Wire

extension RegistryService {
    /// Lists audit events, oldest first.
    ///
    /// Events that concern no model, hashes and sequences are for callers who observe all models:
    /// the hash of one event is made of the fields of the one before, and gaps between sequences
    /// count events that the caller may not see.
    func listAuditEvents(
        _ request: V1.ListAuditEventsRequest,
        _ caller: Caller
    ) async throws -> V1.ListAuditEventsResponse {
        let seesAll = caller.hasOnAll([.observer])
        try Self.checkPosition(request, seesAll: seesAll)
        let registry = registry
        let limit = try Page.size(request.pageSize)
        return try await work.run {
            let tokens = registry.auditTokens
            let after =
                request.pageToken.isEmpty
                ? request.afterSequence
                : try tokens.sequence(
                    of: request.pageToken,
                    principal: caller.name,
                    model: request.model
                )
            let page = try registry.auditPage(
                model: request.model.isEmpty ? nil : request.model,
                after: after,
                limit: limit,
                where: { model in
                    model.isEmpty ? seesAll : caller.has([.observer], on: model)
                }
            )
            let events = Page.fitting(
                page.events.map { V1.AuditEvent($0, showsChain: seesAll) }
            )
            // A page that is cut by its size continues after its own last event.
            let isCut = events.count < page.events.count
            let next = isCut ? page.events[events.count - 1].sequence : page.next
            let token = try next.map {
                try tokens.token(after: $0, principal: caller.name, model: request.model)
            }
            return V1.ListAuditEventsResponse(events: events, nextPageToken: token ?? "")
        }
    }

    private static func checkPosition(
        _ request: V1.ListAuditEventsRequest,
        seesAll: Bool
    ) throws(Status) {
        guard request.afterSequence != 0 else { return }
        guard seesAll else {
            throw Status(
                .invalidArgument,
                "'after_sequence' is \(request.afterSequence), expected 0: sequences are for callers "
                    + "with the role observer or admin on all models; continue with 'page_token'"
            )
        }
        guard request.pageToken.isEmpty else {
            throw Status(
                .invalidArgument,
                "'after_sequence' is \(request.afterSequence) beside a 'page_token', expected one of "
                    + "both"
            )
        }
    }
}
