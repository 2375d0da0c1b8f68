internal import CHosting
internal import Glibc

/// The part of the shared memory that belongs to one lane.
///
/// | offset | bytes | content | written by |
/// |---|---|---|---|
/// | 0 | 4 | number of the latest request | server |
/// | 4 | 4 | 1 while the server sleeps until the reply | server |
/// | 64 | 4 | number of the latest request that was replied to | host |
/// | 68 | 4 | 1 while the host sleeps until a request | host |
/// | 72 | 4 | number of the latest request that the host has begun | host |
/// | 256 | | the request, see ``LaneRequest`` | server |
/// | after it | | the reply, see ``LaneReply`` | host |
///
/// Both sides are the same program, so that the layout needs no version.
@safe
struct LaneMemory: Sendable {
    /// A word that both sides use at once; the value is its offset.
    enum Word: Int {
        case request = 0
        case serverSleeps = 4
        case reply = 64
        case hostSleeps = 68
        case begun = 72
    }

    private static let requestOffset = 256
    private static let replyOffset =
        requestOffset + LaneRequest.maxWords * MemoryLayout<UInt64>.size
    /// Bytes of a lane: whole pages.
    static let byteCount =
        (replyOffset + LaneReply.maxWords * MemoryLayout<UInt64>.size + ChannelLayout.pageBytes - 1)
        / ChannelLayout.pageBytes * ChannelLayout.pageBytes

    private let memory: SharedMemory
    private let base: Int

    /// The lane with that index.
    init(_ index: Int, in memory: SharedMemory) {
        self.memory = memory
        base = ChannelLayout.lanesOffset + index * Self.byteCount
    }

    // MARK: Words

    private func address(_ word: Word) -> UnsafeMutablePointer<UInt32> {
        unsafe (memory.start + base + word.rawValue).assumingMemoryBound(to: UInt32.self)
    }

    func load(_ word: Word) -> UInt32 { unsafe word_Load(address(word)) }

    func store(_ word: Word, _ value: UInt32) { unsafe word_Store(address(word), value) }

    func add(_ word: Word, _ value: UInt32) { unsafe word_Add(address(word), value) }

    /// Wakes the threads that sleep on a word.
    func wake(_ word: Word) { unsafe futex_Wake(address(word)) }

    /// Sleeps while a word has a value, at most until a time of the monotonic clock.
    ///
    /// - Returns: Whether the time is over.
    func sleep(_ word: Word, while value: UInt32, untilNs endNs: UInt64) -> Bool {
        unsafe futex_Wait(address(word), value, endNs) == ETIMEDOUT
    }

    /// Sleeps while a word has a value.
    func sleep(_ word: Word, while value: UInt32) {
        _ = unsafe futex_WaitForever(address(word), value)
    }

    // MARK: Requests and replies

    func writeRequest(_ words: [UInt64]) { write(words, at: Self.requestOffset) }

    /// Words of the request, from the host's side.
    func request(_ range: Range<Int>) -> [UInt64] { read(range, at: Self.requestOffset) }

    func writeReply(_ words: [UInt64]) { write(words, at: Self.replyOffset) }

    /// A copy of words of the reply, which the host may overwrite meanwhile.
    func reply(_ range: Range<Int>) -> [UInt64] { read(range, at: Self.replyOffset) }

    private func write(_ words: [UInt64], at offset: Int) {
        let byteCount = words.count * MemoryLayout<UInt64>.size
        unsafe words.withUnsafeBytes { source in
            unsafe memory.bytes(base + offset..<base + offset + byteCount)
                .copyMemory(from: source)
        }
    }

    private func read(_ range: Range<Int>, at offset: Int) -> [UInt64] {
        let width = MemoryLayout<UInt64>.size
        let start = base + offset + range.lowerBound * width
        return unsafe [UInt64](unsafeUninitializedCapacity: range.count) { buffer, count in
            unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
                from: UnsafeRawBufferPointer(memory.bytes(start..<start + range.count * width))
            )
            count = range.count
        }
    }
}
