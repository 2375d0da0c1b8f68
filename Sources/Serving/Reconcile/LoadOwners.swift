internal import Registry

/// The principals for which versions are being loaded, and the bounds of their loads.
///
/// A load belongs to the principal of the move or validation that needs it, or of the call that
/// asks for a version by number; those at the start, of versions that answered before, to the
/// server. A load that several principals ask for belongs to all of them.
struct LoadOwners {
    /// Loads of callers that wait or run. With as many, only principals without one get another.
    static let maxLoads = 1_024
    /// Loads that wait or run of one principal.
    static let maxLoadsPerPrincipal = 128
    /// Principals that are remembered of one load.
    static let maxPrincipalsPerLoad = 64
    /// The time after which a caller that is refused for them may come again.
    static let retryNs: UInt64 = 5_000_000_000

    /// Of each load; the first began it.
    private var owners: [VersionID: [String]] = [:]
    /// The loads that each principal began, the server excluded.
    private var begun: [String: Int] = [:]
    /// The sum of ``begun``.
    private var total = 0

    /// The principals of a load.
    func principals(of id: VersionID) -> [String] {
        owners[id] ?? [AuditAction.serverPrincipal]
    }

    /// Notes the begin of a load.
    ///
    /// - Throws: `resourceExhausted` for a principal that has too many.
    mutating func begin(_ id: VersionID, for principal: String) throws(ServingError) {
        if principal != AuditAction.serverPrincipal {
            let own = begun[principal] ?? 0
            guard own < Self.maxLoadsPerPrincipal else {
                throw .exhausted(
                    "\(own) versions are being loaded for this caller, the most of one; try again "
                        + "later",
                    retryAfterNs: Self.retryNs
                )
            }
            guard total < Self.maxLoads || own == 0 else {
                throw .exhausted(
                    "\(total) versions are being loaded, and \(own) of them for this caller; try "
                        + "again later",
                    retryAfterNs: Self.retryNs
                )
            }
            begun[principal] = own + 1
            total += 1
        }
        owners[id] = [principal]
    }

    /// Notes that another principal waits for a load.
    ///
    /// - Returns: Whether it is one more owner.
    mutating func join(_ id: VersionID, _ principal: String) -> Bool {
        guard let present = owners[id], present.count < Self.maxPrincipalsPerLoad,
            !present.contains(principal)
        else { return false }
        owners[id, default: []].append(principal)
        return true
    }

    /// Notes the end of a load.
    mutating func end(_ id: VersionID) {
        guard let principal = owners.removeValue(forKey: id)?.first,
            let own = begun[principal]
        else { return }
        begun[principal] = own > 1 ? own - 1 : nil
        total -= 1
    }
}
