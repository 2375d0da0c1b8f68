internal import Synchronization

/// What a verification found that a repair can do something about, from any thread.
final class RepairPlan: Sendable {
    /// A file of an open upload.
    struct UploadPlace: Hashable {
        let upload: String
        let index: UInt64
    }

    struct Content {
        /// Blobs whose bytes are not those of their name.
        var damagedBlobs: Set<BlobKey> = []
        /// Below the store's folder: what lies among the blobs and is none.
        var strays: Set<String> = []
        /// Open uploads whose key is lost.
        var lostUploads: Set<String> = []
        /// Finished files of open uploads whose blobs are lost.
        var lostFiles: Set<UploadPlace> = []
        /// SQLite found the database inconsistent.
        var needsIndexes = false
        /// What the second place has to be raised to.
        var sequence: UInt64?
    }

    private let state = Mutex(Content())

    var content: Content { state.withLock { $0 } }

    func add(_ change: (inout Content) -> Void) {
        state.withLock { change(&$0) }
    }
}
