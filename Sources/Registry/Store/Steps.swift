/// A hook that is called with the name of each step of a change, just before the step.
///
/// It lets a test stop, copy or kill the registry at every instant that durability depends on,
/// without a switch in the code that makes things durable. The default does nothing.
package struct Steps: Sendable {
    private let action: @Sendable (String) throws -> Void

    /// Calls `action` at every step; what it throws fails that step.
    package init(_ action: @escaping @Sendable (String) throws -> Void) {
        self.action = action
    }

    /// No hook.
    package static let none = Steps { _ in }

    func reach(_ step: Step) throws {
        try action(step.rawValue)
    }

    /// The steps in the order in which a publish takes them.
    package enum Step: String, CaseIterable, Sendable {
        /// The upload's row, its lease, is about to be committed.
        case beginRow = "begin.row"
        /// A sealed chunk is about to be written.
        case chunkWrite = "chunk.write"
        /// A finished blob is about to be synced.
        case blobSync = "blob.fsync"
        /// A finished blob is about to get its name.
        case blobLink = "blob.link"
        /// The folder of a finished blob is about to be synced.
        case folderSync = "folder.fsync"
        /// The row that says that a file of an upload is finished is about to be committed.
        case fileRow = "file.row"
        /// A change to the catalogue is about to begin.
        case transactionBegin = "transaction.begin"
        /// All rows of a change are written; its head is about to be signed and written.
        case head = "head"
        /// The second place's next content is about to be written beside the present one.
        case sequenceWrite = "sequence.write"
        /// A change is complete and about to be committed.
        case transactionCommit = "transaction.commit"
        /// A change is durable; the second place's next content is about to replace the present.
        case sequenceRename = "sequence.rename"
        /// A new key-encryption key is about to be made.
        case keyAdd = "key.add"
        /// A key is about to be stored under another key-encryption key.
        case keyRow = "key.row"
        /// A key-encryption key that nothing counts on is about to be put aside.
        case keyRetire = "key.retire"
        /// All is durable; the caller is about to be told.
        case answer = "answer"
    }
}
