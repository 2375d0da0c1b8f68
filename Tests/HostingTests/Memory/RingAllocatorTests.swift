import Testing

@testable import Hosting

@Suite("The allocator of the ring")
struct RingAllocatorTests {
    @Test(
        "Blocks never overlap, and all of the ring comes back",
        arguments: 1...20 as ClosedRange<UInt64>
    )
    func blocksNeverOverlap(seed: UInt64) throws {
        var random = SeededNumbers(seed)
        let units = Int.random(in: 1...3_000, using: &random)
        let ring = RingAllocator(byteCount: units * RingAllocator.unit + 13)
        /// For each unit whether a block has it.
        var taken = [Bool](repeating: false, count: units)
        var blocks: [(block: RingBlock, units: Range<Int>)] = []
        func drop(_ range: Range<Int>) {
            for unit in range {
                #expect(taken[unit])
                taken[unit] = false
            }
        }
        for _ in 0..<4_000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...3:
                let bytes =
                    Int.random(in: 0...units * 16, using: &random)
                    >> Int.random(in: 0...9, using: &random)
                guard let block = ring.allocate(bytes) else { continue }
                let count = max((bytes + RingAllocator.unit - 1) / RingAllocator.unit, 1)
                try #require(block.offset.isMultiple(of: RingAllocator.unit))
                let start = block.offset / RingAllocator.unit
                try #require(start >= 0 && start + count <= units)
                for unit in start..<start + count {
                    try #require(!taken[unit])
                    taken[unit] = true
                }
                blocks.append((block, start..<start + count))
            case 4:
                guard let index = blocks.indices.randomElement(using: &random) else { continue }
                let whole = blocks[index].units
                let kept = Int.random(in: 1...whole.count, using: &random)
                ring.shrink(blocks[index].block, to: kept * RingAllocator.unit)
                drop(whole.lowerBound + kept..<whole.upperBound)
                blocks[index].units = whole.lowerBound..<whole.lowerBound + kept
            default:
                guard let index = blocks.indices.randomElement(using: &random) else { continue }
                let removed = blocks.remove(at: index)
                ring.free(removed.block)
                drop(removed.units)
            }
            let free = taken.count { !$0 }
            try #require(ring.freeBytes == free * RingAllocator.unit)
        }
        for entry in blocks.shuffled(using: &random) { ring.free(entry.block) }
        // All neighbours were joined: the whole ring is one block again.
        #expect(ring.allocate(units * RingAllocator.unit) != nil)
    }

    @Test("A ring gives its last byte, and nothing past it")
    func ringGivesItsLastByte() {
        let ring = RingAllocator(byteCount: 1_000 * 64)
        #expect(ring.allocate(1_000 * 64 + 1) == nil)
        #expect(ring.allocate(.max) == nil)
        let all = ring.allocate(1_000 * 64)
        #expect(all?.offset == 0)
        #expect(ring.allocate(1) == nil)
        #expect(RingAllocator(byteCount: 0).allocate(0) == nil)
        #expect(RingAllocator(byteCount: 63).allocate(1) == nil)
    }
}

/// A generator of numbers that a seed decides (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
