import Engine
import Synchronization

/// Bytes that begin a given distance after an address that is aligned to a page.
final class ShiftedBytes: TensorBytes, @unchecked Sendable {
    private let storage: UnsafeMutableRawBufferPointer
    private let shift: Int
    let byteCount: Int

    init(_ bytes: [UInt8], by shift: Int) {
        storage = .allocate(byteCount: shift + bytes.count + 1, alignment: 4_096)
        storage[shift...].copyBytes(from: bytes)
        self.shift = shift
        byteCount = bytes.count
    }

    deinit { storage.deallocate() }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        let bytes = UnsafeRawBufferPointer(rebasing: storage[shift..<shift + byteCount])
        return try body(bytes.bytes)
    }
}

/// Bytes at one address, which their owner uses for something else later.
final class ReusedBytes: TensorBytes, @unchecked Sendable {
    private let storage: UnsafeMutableRawBufferPointer
    var byteCount: Int { storage.count }

    init(_ bytes: [UInt8]) {
        storage = .allocate(byteCount: bytes.count, alignment: 64)
        storage.copyBytes(from: bytes)
    }

    deinit { storage.deallocate() }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(storage).bytes)
    }

    func overwrite(with byte: UInt8) {
        for index in storage.indices { storage[index] = byte }
    }
}
