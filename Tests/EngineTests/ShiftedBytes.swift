import Engine
import Synchronization

/// Bytes that begin a given distance after an aligned address.
struct ShiftedBytes: TensorBytes {
    private let storage: [UInt8]
    private let shift: Int
    let byteCount: Int

    init(_ bytes: [UInt8], by shift: Int) {
        storage = [UInt8](repeating: 0, count: shift) + bytes
        self.shift = shift
        byteCount = bytes.count
    }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try storage.withUnsafeBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[shift...]).bytes)
        }
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
