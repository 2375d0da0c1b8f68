/// The highest registry format that a server has seen, kept beside the keys.
///
/// A migration gives codes to the rows of uploads, which former formats do not authenticate. So a
/// database that somebody turned back into a former format is not migrated.
struct FormatFile: Sendable {
    private let number: KeptNumber

    var path: String { number.path }

    init(_ layout: RegistryLayout) {
        number = KeptNumber(
            path: layout.formatPath,
            name: "registry format",
            folder: layout.folder
        )
    }

    /// The number in the file; `nil` if there is no file.
    func read() throws -> UInt64? { try number.read() }

    /// Refuses a database of a lower format than was seen.
    func check(_ format: DatabaseFormat) throws {
        if let doubt = FormatFile.doubt(format, seen: try read()) {
            throw RegistryError(.unavailable, doubt, detail: "\(path) says which was seen")
        }
    }

    /// The reason to refuse a database's format; `nil` for none.
    ///
    /// - Parameter seen: What the file holds; `nil` if it is missing.
    static func doubt(_ format: DatabaseFormat, seen: UInt64?) -> String? {
        guard let seen, seen > UInt64(format.number) else { return nil }
        return "the registry's database is of format \(format.number), and format \(seen) was seen "
            + "before"
    }

    /// Writes a format that is higher than the one in the file, durably.
    func raise(to format: DatabaseFormat) throws {
        let wanted = UInt64(format.number)
        guard try read() ?? 0 < wanted else { return }
        try number.folder.replaceFile(path, with: KeptNumber.text(wanted))
    }
}
