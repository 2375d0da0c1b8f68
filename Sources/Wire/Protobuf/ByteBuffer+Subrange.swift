internal import NIOCore

extension ByteBuffer {
    /// The readable bytes at a range that counts from the reader index, sharing the storage.
    ///
    /// The range has to lie within the readable bytes: it comes from a cursor over them.
    func subrange(_ range: Range<Int>) -> ByteBuffer {
        guard let slice = getSlice(at: readerIndex + range.lowerBound, length: range.count) else {
            preconditionFailure("the range \(range) lies outside \(readableBytes) readable bytes")
        }
        return slice
    }
}
