/// What a collection freed, or would free.
package struct Collected: Sendable, Equatable {
    /// Sealed files that nothing refers to.
    package internal(set) var blobs: UInt64 = 0
    /// Their bytes.
    package internal(set) var blobBytes: UInt64 = 0
    /// Folders of uploads that are over.
    package internal(set) var uploads: UInt64 = 0
    /// Bytes of the files in them.
    package internal(set) var uploadBytes: UInt64 = 0
    /// Of these blobs and folders, what could not be removed; the next collection tries again.
    package internal(set) var failed: UInt64 = 0

    /// Nothing.
    package init() {}

    /// Whether there is nothing to free.
    package var isEmpty: Bool { blobs == 0 && uploads == 0 }
}
