/// Memory that a run may write an output to.
@safe
package struct OutputPlace: @unchecked Sendable {
    // Unchecked: the memory is its owner's, who gives it to one run at a time.

    /// The type of the output.
    package let type: ElementType
    /// The shape that the output will have.
    package let shape: [Int64]
    /// As many bytes as type and shape say, at least one, at an address that is a multiple of
    /// ``alignment``.
    package let memory: UnsafeMutableRawBufferPointer

    /// The alignment of the memory, in bytes: that of the runtime's own allocator.
    package static let alignment = AlignedScratch.alignment

    /// Makes a place.
    @unsafe
    package init(type: ElementType, shape: [Int64], memory: UnsafeMutableRawBufferPointer) {
        self.type = type
        self.shape = shape
        unsafe self.memory = memory
    }
}
