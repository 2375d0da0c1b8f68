import Testing

@testable import Sealing

@Suite("The machine's memory")
struct MachineMemoryTests {
    private static let meminfo = """
        MemTotal:        1000 kB
        MemFree:          100 kB
        MemAvailable:     600 kB
        """

    @Test("it is what the system says")
    func whole() throws {
        let memory = try #require(
            MachineMemory(meminfo: Self.meminfo, groupLimit: nil, groupUse: nil)
        )
        #expect(memory.totalBytes == 1_024_000)
        #expect(memory.availableBytes == 614_400)
        #expect(try #require(MachineMemory.now).totalBytes > 0)
    }

    @Test(
        "a container has what it may take and has not taken",
        arguments: [
            (500_000, 100_000, 500_000, 400_000), (500_000, 600_000, 500_000, 0),
            (1_000_000, 0, 1_000_000, 614_400), (9_999_999, 0, 1_024_000, 614_400),
        ] as [(UInt64, UInt64, UInt64, UInt64)]
    )
    func container(limit: UInt64, use: UInt64, total: UInt64, available: UInt64) throws {
        let memory = try #require(
            MachineMemory(meminfo: Self.meminfo, groupLimit: limit, groupUse: use)
        )
        #expect(memory.totalBytes == total)
        #expect(memory.availableBytes == available)
    }

    @Test("a text that does not say it says nothing")
    func unknown() {
        #expect(MachineMemory(meminfo: "MemTotal: 1 kB", groupLimit: nil, groupUse: nil) == nil)
        #expect(MachineMemory(meminfo: "", groupLimit: 1, groupUse: 0) == nil)
    }
}
