/// Where finished blobs are read from, each under the SHA-256 of its bytes. Calls block, and come
/// from any thread.
protocol BlobSource: Sendable {
    /// Opens a blob that was finished; `dataLoss` if it is not there.
    func open(_ digest: [UInt8]) throws -> any BlobReader
}

/// Where sealed blobs are kept, each under the SHA-256 of its bytes.
///
/// Everything in it is ciphertext. Calls block, and come from any thread.
protocol BlobStore: BlobSource {
    /// Starts a new blob for a file of an upload, in place of one that was left unfinished.
    func create(upload: String, index: Int) throws -> any BlobWriter
    /// The length of a blob; `nil` if it is not there.
    func byteCount(of digest: [UInt8]) throws -> UInt64?
    /// Removes a blob; one that is not there is fine.
    func remove(_ digest: [UInt8]) throws
    /// Removes what an upload left unfinished.
    func removeUpload(_ upload: String) throws
    /// Tells `body` the digest of every blob that has a name, in no order.
    func eachName(_ body: ([UInt8]) throws -> Void) throws
    /// The bytes of the files that an upload has left unfinished.
    func byteCount(ofUpload upload: String) throws -> UInt64
    /// The uploads that have left something unfinished.
    func unfinishedUploads() throws -> [String]
}

/// Writes one blob from its first byte to its last. Used by one thread at a time.
protocol BlobWriter: AnyObject {
    /// Adds bytes at the end.
    func append(_ bytes: RawSpan) throws
    /// Makes the blob durable, under its digest. The writer cannot be used afterwards, and not
    /// after a failure either: what could not be synced is written anew.
    func finish(digest: [UInt8]) throws
    /// Drops what was written.
    func discard()
}

/// Reads one finished blob, from any thread.
protocol BlobReader: AnyObject, Sendable {
    /// The blob's length when it was opened.
    var byteCount: UInt64 { get }
    /// Fills `bytes` from `offset`; a blob that ends before is `dataLoss`.
    func read(into bytes: inout MutableRawSpan, at offset: UInt64) throws
}
