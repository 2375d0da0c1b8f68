import Engine
import Synchronization

/// A file in memory. Ranges that are given back are overwritten, so that an answer shows whether
/// they were read later.
final class HeldArray: HeldBytes, @unchecked Sendable {
    private let storage: UnsafeMutableRawBufferPointer
    let given = Mutex<[Range<Int>]>([])
    var byteCount: Int { storage.count }

    init(_ bytes: [UInt8]) {
        storage = .allocate(byteCount: bytes.count, alignment: 64)
        storage.copyBytes(from: bytes)
    }

    deinit { storage.deallocate() }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(storage).bytes)
    }

    func giveBack(_ range: Range<Int>) {
        given.withLock { $0.append(range) }
        for index in range { storage[index] = 0xFF }
    }
}
