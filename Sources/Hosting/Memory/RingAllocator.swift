internal import Synchronization

/// A block of a ring.
struct RingBlock: Sendable, Hashable {
    /// The number by which its allocator knows it.
    fileprivate let index: Int32
    /// Its first byte, in bytes from the beginning of the ring.
    let offset: Int
}

/// An allocator of blocks in a ring, with two-level segregated fit: every call takes constant
/// time, whatever the number of blocks.
///
/// Its bookkeeping lies outside of the ring, since a host may write anything there. Free blocks of
/// similar sizes are in a list each, 8 lists for each power of two. A neighbour that is free is
/// joined at once. Thread-safe.
final class RingAllocator: Sendable {
    /// The unit of allocation, and the alignment of each block, in bytes.
    static let unit = 64

    private let blocks: Mutex<RingBlocks>

    /// Makes an allocator.
    ///
    /// - Parameter byteCount: Bytes of the ring; what does not fill a unit is not used.
    init(byteCount: Int) {
        blocks = Mutex(RingBlocks(units: byteCount / Self.unit))
    }

    /// Takes a block; nil if no free block was found that is long enough.
    func allocate(_ byteCount: Int) -> RingBlock? {
        guard byteCount <= Int.max - Self.unit else { return nil }
        let units = Self.units(byteCount)
        return blocks.withLock { blocks in
            guard let index = blocks.allocate(units) else { return nil }
            return RingBlock(index: index, offset: blocks[index].start * Self.unit)
        }
    }

    /// Returns the end of a block that begins after so many bytes of it.
    func shrink(_ block: RingBlock, to byteCount: Int) {
        blocks.withLock { $0.shrink(block.index, to: Self.units(byteCount)) }
    }

    /// Returns a block.
    func free(_ block: RingBlock) {
        blocks.withLock { $0.free(block.index) }
    }

    /// Bytes that are free, in whatever pieces.
    var freeBytes: Int { blocks.withLock { $0.freeUnits } * Self.unit }

    private static func units(_ byteCount: Int) -> Int {
        max((byteCount + unit - 1) / unit, 1)
    }
}
