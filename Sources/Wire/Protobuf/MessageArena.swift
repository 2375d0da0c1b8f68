internal import CProtobufC

/// The memory of one unpacked message: taken in chunks, given back all at once.
///
/// protobuf-c asks for each string and each message separately. Here a request costs a handful
/// of allocations, freeing is one walk over the chunks, and there is a budget: past it
/// protobuf-c is told that memory is out and gives up cleanly.
@safe struct MessageArena: ~Copyable {
    /// What the C callbacks see. At a fixed address, since protobuf-c keeps a pointer to it.
    @unsafe private struct State {
        var allocator: ProtobufCAllocator
        /// The chunk in use; its first bytes point to the one before.
        var chunk: UnsafeMutableRawPointer?
        var used: Int
        var capacity: Int
        /// Bytes that may still be taken from the system.
        var budget: Int
    }

    /// Alignment of every allocation, and size of a chunk's link.
    private static let alignment = 16
    private static let minChunkBytes = 1 << 10
    private static let maxChunkBytes = 256 << 10
    private static let maxAllocationBytes = 1 << 40

    private let state: UnsafeMutablePointer<State>

    /// - Parameters:
    ///   - expectedBytes: size of the first chunk.
    ///   - maxBytes: most that all chunks together take.
    init(expectedBytes: Int, maxBytes: Int) {
        unsafe state = .allocate(capacity: 1)
        let allocator = unsafe ProtobufCAllocator(
            alloc: { context, size in unsafe MessageArena.allocate(context, size) },
            free: { _, _ in },
            allocator_data: UnsafeMutableRawPointer(state)
        )
        let first = min(max(expectedBytes, Self.minChunkBytes), Self.maxChunkBytes)
        // Nothing is taken yet. The capacity is what the first chunk is sized by, and counts as
        // used up so that the first allocation makes that chunk.
        unsafe state.initialize(
            to: State(
                allocator: allocator,
                chunk: nil,
                used: first,
                capacity: first,
                budget: maxBytes
            )
        )
    }

    deinit {
        var chunk = unsafe state.pointee.chunk
        while let current = unsafe chunk {
            unsafe chunk = current.load(as: UnsafeMutableRawPointer?.self)
            unsafe current.deallocate()
        }
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Unpacks a message into this arena.
    ///
    /// - Returns: the message, which lives as long as the arena; nil if the bytes are not one
    ///   or the budget is spent.
    func unpack(
        _ bytes: RawSpan,
        as descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    ) -> UnsafeMutablePointer<ProtobufCMessage>? {
        // The allocator is the state's first member.
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe state.withMemoryRebound(to: ProtobufCAllocator.self, capacity: 1) { allocator in
                unsafe protobuf_c_message_unpack(
                    descriptor,
                    allocator,
                    bytes.count,
                    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                )
            }
        }
    }

    /// protobuf-c's `alloc`. Never frees: what it gives up early is freed with the rest.
    private static func allocate(
        _ context: UnsafeMutableRawPointer?,
        _ size: Int
    ) -> UnsafeMutableRawPointer? {
        // The bound keeps the rounding from overflowing; the budget decides below.
        guard let state = unsafe context?.assumingMemoryBound(to: State.self),
            (0...maxAllocationBytes).contains(size)
        else { return nil }
        let rounded = (size + alignment - 1) & ~(alignment - 1)
        if unsafe rounded > state.pointee.capacity - state.pointee.used {
            guard unsafe grow(state, atLeast: rounded) else { return nil }
        }
        defer { unsafe state.pointee.used += rounded }
        return unsafe state.pointee.chunk?.advanced(by: state.pointee.used)
    }

    /// Starts a chunk, twice as large as the last or as large as needed.
    private static func grow(_ state: UnsafeMutablePointer<State>, atLeast size: Int) -> Bool {
        let isFirst = unsafe state.pointee.chunk == nil
        let last = unsafe state.pointee.capacity
        let wanted = isFirst ? last : min(last * 2, maxChunkBytes)
        let capacity = max(wanted, size + alignment)
        guard unsafe capacity <= state.pointee.budget else { return false }
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: alignment)
        unsafe chunk.storeBytes(of: state.pointee.chunk, as: UnsafeMutableRawPointer?.self)
        unsafe state.pointee.chunk = chunk
        unsafe state.pointee.used = alignment
        unsafe state.pointee.capacity = capacity
        unsafe state.pointee.budget -= capacity
        return true
    }
}
