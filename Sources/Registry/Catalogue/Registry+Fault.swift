internal import Synchronization

extension Registry {
    /// The row that somebody else changed; `nil` while there is none. The registry then takes no
    /// changes until it is opened anew, and goes on answering reads.
    package var fault: RegistryFault? { foreignFault.withLock { $0 } }

    /// The catalogue as it was signed last.
    var told: LoggedCatalogue { signed.withLock { $0.told } }

    /// Throws after a fault.
    func checkFault() throws(RegistryError) {
        if let fault { throw fault.error }
    }

    /// Notes a fault; the first one counts.
    func note(_ fault: RegistryFault) {
        foreignFault.withLock { $0 = $0 ?? fault }
    }

    /// Reads from a snapshot of which all rows of the catalogue were compared with what was signed.
    /// No change is made meanwhile.
    ///
    /// - Throws: `dataLoss` for a row that was changed by others.
    func confirmedCatalogue<R: Sendable>(_ read: (MetadataTransaction) throws -> R) throws -> R {
        try changes.withLock { _ in
            try checkFault()
            do {
                return try metadata.read { transaction in
                    try CatalogueRows(transaction: transaction, told: told).checkAll()
                    return try read(transaction)
                }
            } catch let fault as RegistryFault {
                note(fault)
                throw fault.error
            }
        }
    }

    /// Reads rows that decide on what is served, and compares them with the signed catalogue.
    ///
    /// A change that is under way may have committed rows which the catalogue in memory has not
    /// yet: rows that differ are read again with no change beside.
    ///
    /// - Parameters:
    ///   - read: Reads from a snapshot.
    ///   - expected: The same from the catalogue in memory.
    ///   - fault: The row that differs.
    /// - Returns: The values of the signed catalogue.
    func confirmed<R: Equatable & Sendable>(
        _ read: (MetadataTransaction) throws -> R,
        _ expected: (LoggedCatalogue) -> R,
        fault: @autoclosure () -> RegistryFault
    ) throws -> R {
        let found = try metadata.read(read)
        if found == expected(told) { return found }
        return try changes.withLock { _ in
            let found = try metadata.read(read)
            let expected = expected(told)
            if found != expected { note(fault()) }
            return expected
        }
    }
}
