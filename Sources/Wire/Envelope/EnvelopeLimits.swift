/// What an envelope may hold besides its payload.
///
/// The decoder stops at these while reading, so that a small frame cannot become a large array.
package struct EnvelopeLimits: Sendable, Equatable {
    /// Most key-value pairs in a request.
    package var maxMetadataPairs: Int
    /// Most bytes of all metadata keys and values together.
    package var maxMetadataBytes: Int
    /// Most details in a response's status.
    package var maxStatusDetails: Int
    /// Longest service or method name, in bytes.
    package var maxNameBytes: Int

    package init(
        maxMetadataPairs: Int = 64,
        maxMetadataBytes: Int = 8 << 10,
        maxStatusDetails: Int = 16,
        maxNameBytes: Int = 1 << 10
    ) {
        self.maxMetadataPairs = maxMetadataPairs
        self.maxMetadataBytes = maxMetadataBytes
        self.maxStatusDetails = maxStatusDetails
        self.maxNameBytes = maxNameBytes
    }
}
