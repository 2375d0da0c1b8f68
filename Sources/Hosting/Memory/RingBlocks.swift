/// The blocks of a ring, free and taken, in units of ``RingAllocator/unit`` bytes.
struct RingBlocks {
    /// One block. Its neighbours in the ring and in its free list are known by their indices.
    struct Block {
        var start: Int
        var count: Int
        var before: Int32
        var after: Int32
        var previousFree: Int32 = none
        var nextFree: Int32 = none
        var isFree = false
    }

    private static let none: Int32 = -1
    /// Free lists for each power of two, as a power of two.
    private static let listBits = 3
    private static let listCount = 512

    private var blocks: [Block] = []
    /// Indices of `blocks` that are not in use.
    private var vacant: [Int32] = []
    /// The first block of each free list.
    private var heads = [Int32](repeating: none, count: listCount)
    /// A bit for each free list, set if it has a block.
    private var filled = [UInt64](repeating: 0, count: listCount / 64)
    /// Units of all free blocks.
    private(set) var freeUnits = 0

    /// One free block of so many units.
    init(units: Int) {
        guard units > 0 else { return }
        insert(add(Block(start: 0, count: units, before: Self.none, after: Self.none)))
    }

    subscript(index: Int32) -> Block { blocks[Int(index)] }

    /// Takes a block of at least one unit; nil if none was found.
    mutating func allocate(_ count: Int) -> Int32? {
        guard count <= freeUnits, let index = fit(count) else { return nil }
        remove(index)
        split(index, after: count)
        return index
    }

    /// Frees the end of a taken block.
    mutating func shrink(_ index: Int32, to count: Int) {
        precondition(!self[index].isFree, "a free block shrinks")
        split(index, after: count)
    }

    /// Frees a taken block.
    mutating func free(_ index: Int32) {
        precondition(!self[index].isFree, "a block is freed twice")
        joinNext(to: index)
        let before = self[index].before
        guard before != Self.none, self[before].isFree else { return insert(index) }
        remove(before)
        joinNext(to: before, evenTaken: true)
        insert(before)
    }

    // MARK: Neighbours

    /// Cuts what is past `count` units off a block that is in no list, and frees it.
    private mutating func split(_ index: Int32, after count: Int) {
        let block = self[index]
        guard count < block.count else { return }
        let rest = add(
            Block(
                start: block.start + count,
                count: block.count - count,
                before: index,
                after: block.after
            )
        )
        blocks[Int(index)].count = count
        blocks[Int(index)].after = rest
        if block.after != Self.none { blocks[Int(block.after)].before = rest }
        joinNext(to: rest)
        insert(rest)
    }

    /// Joins the block after a block to it, if there is one and it is free.
    private mutating func joinNext(to index: Int32, evenTaken: Bool = false) {
        let next = self[index].after
        guard next != Self.none, evenTaken || self[next].isFree else { return }
        if self[next].isFree { remove(next) }
        let joined = self[next]
        blocks[Int(index)].count += joined.count
        blocks[Int(index)].after = joined.after
        if joined.after != Self.none { blocks[Int(joined.after)].before = index }
        vacant.append(next)
    }

    private mutating func add(_ block: Block) -> Int32 {
        guard let index = vacant.popLast() else {
            blocks.append(block)
            return Int32(blocks.count - 1)
        }
        blocks[Int(index)] = block
        return index
    }

    // MARK: Free lists

    /// A free block of at least `count` units: the first of the list for that size if it is long
    /// enough, otherwise any of the lists for longer ones.
    private func fit(_ count: Int) -> Int32? {
        let own = heads[Self.list(of: count)]
        if own != Self.none, self[own].count >= count { return own }
        var list = Self.list(of: count) + 1
        while list < Self.listCount {
            let bits = filled[list / 64] >> UInt64(list % 64)
            if bits != 0 { return heads[list + bits.trailingZeroBitCount] }
            list = (list / 64 + 1) * 64
        }
        return nil
    }

    /// The list for blocks of that size: all in a later list are longer.
    private static func list(of count: Int) -> Int {
        guard count >= 1 << listBits else { return count }
        let power = Int.bitWidth - 1 - count.leadingZeroBitCount
        let step = count >> (power - listBits) & (1 << listBits - 1)
        return (power - listBits + 1) << listBits + step
    }

    private mutating func insert(_ index: Int32) {
        let list = Self.list(of: self[index].count)
        let head = heads[list]
        blocks[Int(index)].isFree = true
        blocks[Int(index)].previousFree = Self.none
        blocks[Int(index)].nextFree = head
        if head != Self.none { blocks[Int(head)].previousFree = index }
        heads[list] = index
        filled[list / 64] |= 1 << UInt64(list % 64)
        freeUnits += self[index].count
    }

    private mutating func remove(_ index: Int32) {
        let block = self[index]
        let list = Self.list(of: block.count)
        if block.previousFree == Self.none {
            heads[list] = block.nextFree
            if block.nextFree == Self.none { filled[list / 64] &= ~(1 << UInt64(list % 64)) }
        } else {
            blocks[Int(block.previousFree)].nextFree = block.nextFree
        }
        if block.nextFree != Self.none {
            blocks[Int(block.nextFree)].previousFree = block.previousFree
        }
        blocks[Int(index)].isFree = false
        freeUnits -= block.count
    }
}
