internal import Engine

/// Memory that the server gives to one run: a block of the ring, or an area of its own. The last
/// owner returns it.
@safe
final class TensorPlace: Sendable {
    /// Returns the memory to its origin.
    private enum Origin {
        case ring(RingAllocator, RingBlock)
        case area(BudgetShare)
    }

    /// The mapping that it lies in.
    let memory: SharedMemory
    /// Its bytes in the mapping.
    let range: Range<Int>
    /// The number of the area; ``ring`` for a block of the ring.
    let area: UInt32

    /// The number for the ring.
    static let ring: UInt32 = 0

    private let origin: Origin

    /// Owns a block of a ring.
    ///
    /// - Parameters:
    ///   - base: Where the ring begins in `memory`.
    init(
        block: RingBlock,
        byteCount: Int,
        of ring: RingAllocator,
        in memory: SharedMemory,
        base: Int
    ) {
        self.memory = memory
        range = base + block.offset..<base + block.offset + byteCount
        area = Self.ring
        origin = .ring(ring, block)
    }

    /// Makes an area.
    ///
    /// - Parameters:
    ///   - byteCount: Taken from `budget` already, returned with this object.
    ///   - number: Its number, not ``ring``.
    init(byteCount: Int, number: UInt32, from budget: BudgetShare) throws(EngineError) {
        memory = try SharedMemory(byteCount: byteCount)
        range = 0..<byteCount
        area = number
        origin = .area(budget)
    }

    deinit {
        switch origin {
        case .ring(let ring, let block): ring.free(block)
        case .area(let budget):
            memory.discard()
            budget.giveBack(range.count)
        }
    }

    /// Returns the end of the memory that begins after so many bytes, if it is of the ring.
    func shrink(to byteCount: Int) {
        guard case .ring(let ring, let block) = origin else { return }
        ring.shrink(block, to: byteCount)
    }
}

/// Bytes of a place. They keep it alive, also when its host has ended.
@safe
struct LentBytes: TensorBytes {
    let place: TensorPlace
    /// In the place's mapping.
    let range: Range<Int>

    var byteCount: Int { range.count }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(place) {
            try body(unsafe UnsafeRawBufferPointer(place.memory.bytes(range)).bytes)
        }
    }
}
