/// Where an engine gets a model's bytes from, decrypted.
///
/// An engine asks for what it can work with: today that is the entry file as one span.
package protocol ModelSource: Sendable {
    /// Lends the bytes of the bundle's entry file for the length of a call.
    ///
    /// - Parameter body: What reads them; the span must not outlive it.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or what reading the file threw.
    func withEntry<Result>(_ body: (RawSpan) throws -> Result) throws -> Result
}

/// A model whose entry lies in memory.
package struct ModelInMemory<Bytes: TensorBytes>: ModelSource {
    /// The bytes of the entry file.
    package let entry: Bytes

    /// Makes a source.
    package init(entry: Bytes) {
        self.entry = entry
    }

    package func withEntry<Result>(_ body: (RawSpan) throws -> Result) throws -> Result {
        try entry.withBytes(body)
    }
}
