import Glibc
import Testing

@testable import Sealing

@Suite("Plaintext that is given back early")
struct GivingBackTests {
    private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

    /// Which pages of a buffer are there to be read: a system call says so, and does not crash.
    private func readable(_ buffer: SecretBuffer, pages: Int) throws -> [Bool] {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let start = buffer.withBytes { $0.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
        return try (0..<pages).map { page in
            let address = UnsafeRawPointer(bitPattern: start + UInt(page * Self.page))
            let written = write(ends[1], address, 1)
            try #require(written == 1 || errno == EFAULT)
            return written == 1
        }
    }

    @Test("whole pages go, and what lies beside the range stays as it was")
    func wholePages() throws {
        let buffer = try SecretBuffer(byteCount: 5 * Self.page)
        let content = pattern(5 * Self.page)
        buffer.withMutableBytes(0..<content.count) { $0.copy(content.span.bytes, at: 0) }
        let range = 100..<(4 * Self.page - 1)
        buffer.giveBack(range)
        #expect(try readable(buffer, pages: 5) == [true, false, false, true, true])
        #expect(buffer.copyBytes(0..<range.lowerBound) == Array(content[..<range.lowerBound]))
        #expect(
            buffer.copyBytes(range.upperBound..<content.count)
                == Array(content[range.upperBound...])
        )
    }

    @Test("a page goes with the last of its bytes, in whatever order they are given back")
    func pieces() throws {
        let (pages, piece) = (6, 1_000)
        // The last page is not full.
        let count = pages * Self.page - 77
        let starts = Array(stride(from: 0, to: count, by: piece))
        for order in [starts, starts.reversed(), starts.shuffled()] {
            let buffer = try SecretBuffer(byteCount: count)
            var left = (0..<pages).map { min(($0 + 1) * Self.page, count) - $0 * Self.page }
            for start in order {
                let range = start..<min(start + piece, count)
                buffer.giveBack(range)
                for byte in range { left[byte / Self.page] -= 1 }
                #expect(try readable(buffer, pages: pages) == left.map { $0 > 0 })
            }
        }
    }

    @Test("an empty range, of an empty buffer too, is nothing to give back")
    func empty() throws {
        try SecretBuffer(byteCount: 0).giveBack(0..<0)
        let buffer = try SecretBuffer(byteCount: Self.page)
        buffer.giveBack(10..<10)
        #expect(try readable(buffer, pages: 1) == [true])
    }

    @Test("to read what was given back ends the process: zeros would be wrong answers")
    func readAfterwards() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let buffer = try SecretBuffer(byteCount: 1 << 16)
            buffer.giveBack(0..<1 << 16)
            print(buffer.copyBytes(5..<6))
        }
    }

    @Test("to give back twice ends the process")
    func twice() async {
        await #expect(processExitsWith: .failure) {
            let buffer = try SecretBuffer(byteCount: 1 << 16)
            buffer.giveBack(0..<1_000)
            buffer.giveBack(999..<2_000)
        }
    }

    @Test("ranges join where they touch, and what is between them is known")
    func joined() {
        var ranges = JoinedRanges()
        #expect(ranges.gaps(in: 0..<50) == [0..<50])
        #expect(ranges.add(10..<20) == 10..<20)
        #expect(ranges.add(30..<40) == 30..<40)
        #expect(ranges.add(5..<6) == 5..<6)
        #expect(ranges.gaps(in: 0..<50) == [0..<5, 6..<10, 20..<30, 40..<50])
        #expect(ranges.add(20..<30) == 10..<40)
        #expect(ranges.add(6..<10) == 5..<40)
        #expect(ranges.ranges == [5..<40])
        #expect(ranges.gaps(in: 5..<40).isEmpty)
    }
}
