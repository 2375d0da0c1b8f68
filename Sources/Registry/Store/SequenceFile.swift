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
    let steps: Steps
    private let number: KeptNumber

    var path: String { number.path }
    private var folder: StoreFolder { number.folder }

    /// The file of a registry.
    init(_ layout: RegistryLayout, steps: Steps) {
        number = KeptNumber(path: layout.sequencePath, name: "sequence", folder: layout.folder)
        self.steps = steps
    }

    /// The number in the file; `nil` if there is no file.
    func read() throws -> UInt64? { try number.read() }

    /// Writes the next number, durably. The present one stays.
    func prepare(_ sequence: UInt64) throws {
        try steps.reach(.sequenceWrite)
        try folder.prepareFile(path, with: KeptNumber.text(sequence))
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
