import Foundation
import Testing

@testable import Sealing

@Suite("Secret memory")
struct SecretMemoryTests {
    @Test("a key holds a copy of its 32 bytes")
    func keyCopy() throws {
        #expect(bytes(of: try secretKey(pattern(32))) == pattern(32))
    }

    @Test("a key of another size is refused", arguments: [0, 1, 16, 31, 33, 64])
    func keySize(count: Int) {
        #expect(code { _ = try secretKey(pattern(count)) } == .format)
    }

    @Test("keys compare by their bytes, and random ones differ")
    func keyComparison() throws {
        let key = try SecretKey.random()
        #expect(try secretKey(bytes(of: key)) == key)
        #expect(try secretKey(bytes(of: key).flippingBit(255)) != key)
        #expect(try SecretKey.random() != key)
    }

    @Test("more keys than a page holds do not disturb each other, and slots are reused")
    func manyKeys() throws {
        for _ in 0..<3 {
            let keys = try (0..<200).map { try secretKey(Digest.sha256([UInt8($0)])) }
            for (index, key) in keys.enumerated() {
                #expect(bytes(of: key) == Digest.sha256([UInt8(index)]))
            }
        }
    }

    @Test("a slot of key memory is zero when it is taken")
    func slotsAreClean() throws {
        _ = try (0..<100).map { _ in try SecretKey.random() }
        for _ in 0..<100 {
            _ = try SecretKey { (bytes: inout MutableRawSpan) throws(SealingError) in
                let isZero = bytes.withUnsafeMutableBytes { $0.allSatisfy { $0 == 0 } }
                #expect(isZero)
            }
        }
    }

    @Test("a fill that throws gives no key, and its error")
    func failedFill() {
        let failure = code {
            _ = try SecretKey { (_: inout MutableRawSpan) throws(SealingError) in
                throw SealingError(.randomness, "a test's error")
            }
        }
        #expect(failure == .randomness)
    }

    @Test("key memory is locked and left out of core dumps")
    func keyMemoryFlags() throws {
        let key = try SecretKey.random()
        let address = key.withBytes { $0.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
        let flags = try memoryFlags(at: address)
        #expect(flags.contains("dd"), "\(flags)")
        // The runtimes of the sanitizers turn mlock into nothing.
        let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
        #expect(flags.contains("lo") || isSanitized, "\(flags)")
    }

    @Test("plaintext memory is left out of core dumps")
    func bufferMemoryFlags() throws {
        let buffer = try SecretBuffer(byteCount: 100)
        let address = buffer.withBytes { $0.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
        #expect(try memoryFlags(at: address).contains("dd"))
    }

    @Test("a buffer is zero, takes what is written into ranges, and reads back")
    func buffer() throws {
        let buffer = try SecretBuffer(byteCount: 10_000)
        #expect(buffer.copyBytes() == [UInt8](repeating: 0, count: 10_000))
        buffer.withMutableBytes(9_990..<10_000) { $0.copy(pattern(10).span.bytes, at: 0) }
        buffer.withMutableBytes(0..<3) { $0.copy(pattern(2).span.bytes, at: 1) }
        #expect(buffer.copyBytes(9_990..<10_000) == pattern(10))
        #expect(buffer.copyBytes(0..<4) == [0] + pattern(2) + [0])
        #expect(buffer.copyBytes(10_000..<10_000).isEmpty)
    }

    @Test("an empty buffer lends empty spans")
    func emptyBuffer() throws {
        let buffer = try SecretBuffer(byteCount: 0)
        #expect(buffer.withBytes { $0.byteCount } == 0)
        #expect(buffer.withMutableBytes(0..<0) { $0.byteCount } == 0)
        #expect(buffer.copyBytes().isEmpty)
    }

    @Test("a buffer of an impossible size is refused", arguments: [-1, Int.max])
    func bufferLimit(count: Int) {
        #expect(code { _ = try SecretBuffer(byteCount: count) } == .limit)
    }

    /// The `VmFlags` of the mapping that holds an address.
    private func memoryFlags(at address: UInt) throws -> [Substring] {
        // Read in pieces: the file states no size, and one read returns a part of it.
        let file = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/smaps"))
        var bytes = Data()
        while let piece = try file.read(upToCount: 1 << 16), !piece.isEmpty { bytes += piece }
        let maps = String(decoding: bytes, as: UTF8.self)
        var isInside = false
        for line in maps.split(separator: "\n") {
            if isInside, line.hasPrefix("VmFlags:") {
                return line.split(separator: " ").dropFirst().map { $0 }
            }
            let range = line.prefix { $0 != " " }.split(separator: "-")
            if range.count == 2, let start = UInt(range[0], radix: 16),
                let end = UInt(range[1], radix: 16)
            {
                isInside = start <= address && address < end
            }
        }
        throw SealingError(.internalFailure, "no mapping holds the address")
    }
}
