internal import Text

/// The second place for the highest sequence that the registry has signed, as a decimal number
/// and a line feed.
///
/// It lies with the keys. An old copy of the store is internally consistent and its signatures
/// hold; that its sequence is lower than this one gives it away.
///
/// A change writes the next number beside it before it is committed, so that want of room is
/// noticed while nothing has changed, and gives it its place afterwards. What a crash leaves of it
/// says nothing: whether the change was committed is the head's to say.
struct SequenceFile: Sendable {
    private static let maxBytes = 64
    let path: String
    let steps: Steps
    private let folder: StoreFolder

    /// The file of a registry.
    init(_ layout: RegistryLayout, steps: Steps) {
        path = layout.sequencePath
        folder = layout.folder
        self.steps = steps
    }

    /// The number in the file; `nil` if there is no file.
    func read() throws -> UInt64? {
        guard let text = try folder.readText(path, maxBytes: SequenceFile.maxBytes) else {
            return nil
        }
        guard let value = UInt64(text.dropLast()), ExactString(text) == "\(value)\n" else {
            throw RegistryError(
                .unavailable,
                "the sequence kept beside the keys is not a number",
                detail: "\(path): expected a decimal number and a line feed"
            )
        }
        return value
    }

    /// Writes the next number, durably. The present one stays.
    func prepare(_ sequence: UInt64) throws {
        try steps.reach(.sequenceWrite)
        try folder.prepareFile(path, with: "\(sequence)\n")
    }

    /// Puts the number that was prepared in the place of the present one, durably.
    func advance() throws {
        try steps.reach(.sequenceRename)
        try folder.takeFile(path)
    }

    /// Drops a number that was prepared for a change that is not there.
    func discard() throws {
        try folder.dropFile(path)
    }

    /// Replaces the number, durably.
    func write(_ sequence: UInt64) throws {
        try prepare(sequence)
        try advance()
    }
}
