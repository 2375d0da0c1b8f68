package import Text

/// Where an engine gets a model's bytes from, decrypted.
///
/// An engine asks for what it can work with: the entry file as one span, and, where the entry
/// names other files of the bundle, each of those as a whole.
package protocol ModelSource: Sendable {
    /// Lends the bytes of the bundle's entry file for the length of a call.
    ///
    /// - Parameter body: What reads them; the span must not outlive it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or what reading the file threw.
    func withEntry<Result>(_ body: (RawSpan) throws -> Result) throws -> Result

    /// The bytes of another file of the bundle, known before it is read; nil if there is none.
    ///
    /// - Parameter path: Relative to the folder that the entry lies in, in the bundle's own form.
    func byteCount(ofFile path: ExactString) -> UInt64?

    /// Reads another file of the bundle.
    ///
    /// - Parameter path: As for ``byteCount(ofFile:)``, which has found it.
    /// - Throws: What reading it threw.
    func file(_ path: ExactString) throws -> any HeldBytes
}

/// Bytes that lie at one address, unchanged, for as long as the object lives.
package protocol HeldBytes: TensorBytes, AnyObject {
    /// Says that a range will not be read again: its memory may go before the object does.
    ///
    /// - Parameter range: Within the bytes, and apart from every range that was given before.
    func giveBack(_ range: Range<Int>)
}

/// A model whose files lie in memory.
package struct ModelInMemory<Bytes: TensorBytes>: ModelSource {
    /// The bytes of the entry file.
    package let entry: Bytes
    /// The other files, by their paths relative to the entry's folder.
    package let files: [ExactString: any HeldBytes]

    /// Makes a source.
    package init(entry: Bytes, files: [ExactString: any HeldBytes] = [:]) {
        self.entry = entry
        self.files = files
    }

    package func withEntry<Result>(_ body: (RawSpan) throws -> Result) throws -> Result {
        try entry.withBytes(body)
    }

    package func byteCount(ofFile path: ExactString) -> UInt64? {
        files[path].map { UInt64($0.byteCount) }
    }

    package func file(_ path: ExactString) throws -> any HeldBytes {
        guard let file = files[path] else {
            throw EngineError(.unavailable, "there is no file \(quoted(path))")
        }
        return file
    }
}
