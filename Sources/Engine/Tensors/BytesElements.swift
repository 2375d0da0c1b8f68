/// The elements of a BYTES tensor: each a `UInt32` length, little-endian, then that many bytes.
package enum BytesElements {
    /// Bytes of the length in front of each element.
    package static let prefixBytes = 4

    /// What is wrong with a tensor's data, nil if it is exactly `count` elements.
    ///
    /// - Parameters:
    ///   - bytes: The tensor's data.
    ///   - count: How many elements its shape says.
    /// - Returns: The rest of a sentence that begins with the tensor's name.
    package static func fault(in bytes: RawSpan, count: Int) -> String? {
        var offset = 0
        for index in 0..<count {
            let left = bytes.byteCount - offset
            guard left >= prefixBytes else {
                return left == 0
                    ? "has \(index) BYTES elements, its shape says \(count)"
                    : "ends inside the length of BYTES element \(index)"
            }
            let length = length(in: bytes, at: offset)
            guard length <= left - prefixBytes else {
                return "has a BYTES element \(index) of \(length) bytes, "
                    + "\(left - prefixBytes) are left"
            }
            offset += prefixBytes + length
        }
        let extra = bytes.byteCount - offset
        return extra == 0 ? nil : "has \(extra) bytes after its \(count) BYTES elements"
    }

    /// Calls a closure with each element of data that ``fault(in:count:)`` found nothing wrong
    /// with.
    package static func forEach<Failure: Error>(
        in bytes: RawSpan,
        count: Int,
        _ body: (Int, RawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        var offset = 0
        for index in 0..<count {
            let start = offset + prefixBytes
            let end = start + length(in: bytes, at: offset)
            try body(index, bytes.extracting(start..<end))
            offset = end
        }
    }

    /// The encoding of elements that lie end to end.
    ///
    /// - Parameters:
    ///   - content: All elements, without lengths.
    ///   - starts: Where each begins in `content`, in order; the last ends with it.
    static func encode(_ content: ArraySlice<UInt8>, startingAt starts: [Int]) -> [UInt8] {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(content.count + starts.count * prefixBytes)
        for (index, start) in starts.enumerated() {
            let end = index + 1 < starts.count ? starts[index + 1] : content.count
            let length = UInt32(end - start)
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                encoded.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            encoded += content[content.startIndex + start..<content.startIndex + end]
        }
        return encoded
    }

    private static func length(in bytes: RawSpan, at offset: Int) -> Int {
        let raw = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return Int(UInt32(littleEndian: raw))
    }
}
