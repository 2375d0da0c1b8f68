internal import CHosting

/// The arrangement of a channel's shared memory: a page with two numbers, the lanes, the ring.
///
/// | offset | bytes | content | written by |
/// |---|---|---|---|
/// | 0 | 8 | count of lanes | server |
/// | 8 | 8 | bytes of the ring | server |
/// | 64 | 4 | number of the forbidden system call, -1 before | host |
struct ChannelLayout {
    static let pageBytes = 4_096
    /// Where the lanes begin.
    static let lanesOffset = pageBytes
    private static let forbiddenCallOffset = 64

    let lanes: Int
    let ringBytes: Int

    /// Where the ring begins.
    var ringOffset: Int { Self.lanesOffset + lanes * LaneMemory.byteCount }
    /// Bytes of the whole memory.
    var byteCount: Int {
        ringOffset + (ringBytes + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes
    }

    init(lanes: Int, ringBytes: Int) {
        self.lanes = lanes
        self.ringBytes = ringBytes
    }

    /// Reads what the server wrote: for the host, which trusts it.
    init(reading memory: SharedMemory) {
        lanes = unsafe memory.start.load(as: Int.self)
        ringBytes = unsafe memory.start.load(fromByteOffset: 8, as: Int.self)
    }

    /// Writes it into new memory, before there is a host.
    func write(to memory: SharedMemory) {
        unsafe memory.start.storeBytes(of: lanes, as: Int.self)
        unsafe memory.start.storeBytes(of: ringBytes, toByteOffset: 8, as: Int.self)
        unsafe word_Store(Self.forbiddenCall(in: memory), UInt32(bitPattern: -1))
    }

    /// The word for the number of a forbidden system call.
    static func forbiddenCall(in memory: SharedMemory) -> UnsafeMutablePointer<UInt32> {
        unsafe (memory.start + forbiddenCallOffset).assumingMemoryBound(to: UInt32.self)
    }
}
