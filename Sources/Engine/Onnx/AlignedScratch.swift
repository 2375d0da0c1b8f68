/// Memory for copies of inputs that are not aligned as the runtime's own allocator aligns.
///
/// Operators that work with vector instructions round differently at other addresses, so that an
/// answer would depend on where in a frame a tensor lies. The copies live as long as the scratch.
/// The small ones lie on the stack, all others in one block of the heap.
@safe
struct AlignedScratch: ~Copyable {
    /// The alignment of the runtime's allocator, in bytes.
    static let alignment = 64
    /// Bytes that lie on the stack: the most that `withUnsafeTemporaryAllocation` takes from there.
    private static let stackBytes = 1_024
    /// The alignment of memory that costs nothing.
    private static let plainAlignment = 16

    private var free: UnsafeMutableRawBufferPointer
    private var block: UnsafeMutableRawPointer?

    /// Runs a closure with a scratch.
    static func with(_ body: (inout AlignedScratch) -> Void) {
        unsafe withUnsafeTemporaryAllocation(
            byteCount: stackBytes,
            alignment: plainAlignment
        ) { stack in
            var scratch = unsafe AlignedScratch(free: aligned(stack), block: nil)
            body(&scratch)
        }
    }

    deinit { unsafe block?.deallocate() }

    /// Bytes at an aligned address: the same ones where theirs is aligned, or a copy.
    ///
    /// - Parameters:
    ///   - bytes: Bytes that stay where they are as long as the result is used.
    ///   - later: The inputs that may have to be copied after this one.
    @unsafe
    mutating func aligned(
        _ bytes: UnsafeRawBufferPointer,
        before later: ArraySlice<InputTensor>
    ) -> UnsafeRawBufferPointer {
        if let start = bytes.baseAddress, bytes.count > 0,
            UInt(bitPattern: start) % UInt(Self.alignment) == 0
        {
            return unsafe bytes
        }
        let size = Self.roundedUp(bytes.count)
        if unsafe free.count < size { allocate(size, before: later) }
        let copy = unsafe UnsafeMutableRawBufferPointer(rebasing: free[..<bytes.count])
        unsafe copy.copyMemory(from: bytes)
        unsafe free = UnsafeMutableRawBufferPointer(rebasing: free[size...])
        // Of no bytes too the runtime wants an address.
        return UnsafeRawBufferPointer(copy)
    }

    /// Takes a block for a copy and all later ones.
    private mutating func allocate(_ size: Int, before later: ArraySlice<InputTensor>) {
        let rest = later.reduce(0) { sum, input in
            input.type == .bytes ? sum : sum + Self.roundedUp(input.bytes.byteCount)
        }
        let count = size + rest + Self.alignment
        // Without an alignment of its own: that makes an allocator look for longer.
        let start = UnsafeMutableRawPointer.allocate(
            byteCount: count,
            alignment: Self.plainAlignment
        )
        unsafe block?.deallocate()
        unsafe block = start
        unsafe free = Self.aligned(UnsafeMutableRawBufferPointer(start: start, count: count))
    }

    private static func roundedUp(_ count: Int) -> Int {
        (count + alignment - 1) / alignment * alignment
    }

    private static func aligned(
        _ buffer: UnsafeMutableRawBufferPointer
    ) -> UnsafeMutableRawBufferPointer {
        guard let start = buffer.baseAddress else { return unsafe buffer }
        let skipped = Int((0 &- UInt(bitPattern: start)) % UInt(alignment))
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[skipped...])
    }
}
