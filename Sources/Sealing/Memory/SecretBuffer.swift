internal import COpenSSL
internal import Glibc
internal import Synchronization

/// Plaintext of any size, outside the heap: left out of core dumps, cleansed and given back to
/// the system when the last reference goes.
///
/// It is not locked: a model may be larger than any limit on locked memory. One owner writes it,
/// and hands it on when it is whole; from then on it is only read.
package final class SecretBuffer: @unchecked Sendable {
    // Sendable by the rule above: ranges are written by one owner (disjoint ranges may be written
    // at once) before the buffer is shared for reading. Nothing moves after `init`.
    private let address: UInt
    /// From here on the system is asked for pages of 2 MiB, so that it faults less often while a
    /// model is read in. A smaller buffer would waste more than it gains.
    private static let leastForHugePages = 16 << 20
    /// The bytes that the buffer holds.
    package let byteCount: Int
    private let given = Mutex(Given())

    /// What was given back early.
    private struct Given {
        /// The bytes that were.
        var bytes = JoinedRanges()
        /// The pages that went with them: wiped, and not to be touched.
        var pages = JoinedRanges()
    }

    /// A buffer of `byteCount` zero bytes; 0 is allowed.
    ///
    /// - Throws: `limit` if the size is negative or the system has no room for it.
    package init(byteCount: Int) throws(SealingError) {
        guard byteCount >= 0 else {
            throw SealingError(.limit, "a buffer cannot have \(byteCount) bytes")
        }
        self.byteCount = byteCount
        guard byteCount > 0 else {
            address = 0
            return
        }
        let protection = PROT_READ | PROT_WRITE
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let region = unsafe mmap(nil, byteCount, protection, flags, -1, 0),
            unsafe region != MAP_FAILED
        else { throw .system(.limit, "cannot map \(byteCount) bytes of plaintext", errno: errno) }
        guard unsafe madvise(region, byteCount, MADV_DONTDUMP) == 0 else {
            let number = errno
            unsafe munmap(region, byteCount)
            throw .system(
                .internalFailure,
                "cannot keep plaintext out of core dumps",
                errno: number
            )
        }
        if byteCount >= Self.leastForHugePages {
            // Advice: a system that cannot follow it loses time and nothing else.
            unsafe madvise(region, byteCount, MADV_HUGEPAGE)
        }
        address = UInt(bitPattern: region)
    }

    /// A buffer with a copy of `bytes`.
    ///
    /// - Throws: `limit` if the system has no room for it.
    convenience init(copying bytes: [UInt8]) throws(SealingError) {
        try self.init(byteCount: bytes.count)
        write(bytes, at: 0)
    }

    deinit {
        guard let start = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return }
        for left in given.withLock({ $0.pages.gaps(in: 0..<byteCount) }) {
            unsafe OPENSSL_cleanse(start + left.lowerBound, left.count)
        }
        unsafe munmap(start, byteCount)
    }

    /// Wipes a range and gives its memory back to the system before the buffer goes: every page
    /// that holds nothing else any more. To touch the range afterwards ends the process.
    ///
    /// A range outside the buffer, or one that overlaps another that was given back, is a
    /// programmer's error.
    package func giveBack(_ range: Range<Int>) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= byteCount,
            "range \(range) of a buffer of \(byteCount) bytes"
        )
        guard !range.isEmpty, let start = unsafe UnsafeMutableRawPointer(bitPattern: address)
        else { return }
        given.withLock { given in
            let joined = given.bytes.add(range)
            let first = max(
                Self.page(before: range.lowerBound),
                Self.page(after: joined.lowerBound)
            )
            // The rest of the last page is nobody's.
            let end =
                joined.upperBound == byteCount ? byteCount : Self.page(before: joined.upperBound)
            let last = min(Self.page(after: range.upperBound), end)
            guard first < last else { return }
            let region = unsafe start + first
            unsafe OPENSSL_cleanse(region, last - first)
            // Not unmapped: something else could then be mapped there and go with this buffer.
            // A system that does not do it leaves the pages to `deinit`, wiped.
            guard unsafe mprotect(region, last - first, PROT_NONE) == 0 else { return }
            unsafe madvise(region, last - first, MADV_DONTNEED)
            _ = given.pages.add(first..<last)
        }
    }

    private static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

    private static func page(before offset: Int) -> Int { offset - offset % pageBytes }

    private static func page(after offset: Int) -> Int { page(before: offset + pageBytes - 1) }

    /// Lends all the bytes; the span is valid only inside `body`.
    package func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        guard let start = unsafe UnsafeRawPointer(bitPattern: address) else {
            return try body(RawSpan())
        }
        return try body(unsafe RawSpan(_unsafeStart: start, byteCount: byteCount))
    }

    /// Lends a range to its writer; a range outside the buffer is a programmer's error.
    package func withMutableBytes<R, E: Error>(
        _ range: Range<Int>,
        _ body: (inout MutableRawSpan) throws(E) -> R
    ) throws(E) -> R {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= byteCount,
            "range \(range) of a buffer of \(byteCount) bytes"
        )
        guard let start = unsafe UnsafeMutableRawPointer(bitPattern: address) else {
            var empty = MutableRawSpan()
            return try body(&empty)
        }
        var span = unsafe MutableRawSpan(
            _unsafeStart: start + range.lowerBound,
            byteCount: range.count
        )
        return try body(&span)
    }

    /// Copies `bytes` to `offset`; a range outside the buffer is a programmer's error.
    package func write(_ bytes: [UInt8], at offset: Int) {
        withMutableBytes(offset..<offset + bytes.count) { target in
            bytes.withRawSpan { target.copy($0, at: 0) }
        }
    }

    /// A copy of a range, for a caller that was allowed to read it; a range outside the buffer
    /// is a programmer's error.
    package func copyBytes(_ range: Range<Int>) -> [UInt8] {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= byteCount,
            "range \(range) of a buffer of \(byteCount) bytes"
        )
        return withBytes { bytes in bytes.extracting(range).copyToArray() }
    }

    /// A copy of all the bytes.
    package func copyBytes() -> [UInt8] { copyBytes(0..<byteCount) }
}
