import Foundation
import Testing

@testable import Serving

@Suite("What the system says of memory")
struct SystemMemoryTests {
    /// Reads files in the place of the system's.
    private func reading(_ files: [String: String]) throws -> SystemMemory.Reading {
        let root = FileManager.default.temporaryDirectory.appending(path: "memory-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        return SystemMemory(root: root.path()).now()
    }

    private let machine = [
        "proc/meminfo": "MemTotal: 8000 kB\nMemFree: 10 kB\nMemAvailable:   4000 kB\n",
        "proc/self/statm": "900 3 2 1 0 7 0\n",
    ]

    @Test("without control groups it is what the machine has")
    func machineAlone() throws {
        let reading = try reading(machine)
        #expect(reading.availableBytes == 4_000 * 1_024)
        #expect(reading.totalBytes == 8_000 * 1_024)
        #expect(reading.residentBytes == 3 * UInt64(sysconf(Int32(_SC_PAGESIZE))))
    }

    @Test("a group's limit counts, less what it uses and cannot drop, and so do those above it")
    func groups() throws {
        let group = "sys/fs/cgroup/a/b/"
        var files = machine
        files["proc/self/cgroup"] = "0::/a/b\n"
        files[group + "memory.max"] = "2000000\n"
        files[group + "memory.current"] = "1500000\n"
        files[group + "memory.stat"] = "anon 1\ninactive_file 400000\n"
        #expect(try reading(files).availableBytes == 900_000)
        #expect(try reading(files).totalBytes == 2_000_000)
        files["sys/fs/cgroup/a/memory.max"] = "700000\n"
        files["sys/fs/cgroup/a/memory.current"] = "600000\n"
        #expect(try reading(files).availableBytes == 100_000)
        files["sys/fs/cgroup/a/memory.current"] = "800000\n"
        #expect(try reading(files).availableBytes == 0)
        files["sys/fs/cgroup/a/memory.max"] = "max\n"
        #expect(try reading(files).availableBytes == 900_000)
    }

    @Test("the first version of control groups counts alike")
    func firstVersion() throws {
        let group = "sys/fs/cgroup/memory/"
        var files = machine
        files["proc/self/cgroup"] = "5:cpu,cpuacct:/x\n4:memory:/x\n0::/y\n"
        files[group + "memory.limit_in_bytes"] = "1000000\n"
        files[group + "memory.usage_in_bytes"] = "900000\n"
        files[group + "memory.stat"] = "total_inactive_file 100000\n"
        #expect(try reading(files).availableBytes == 200_000)
    }

    @Test("where nothing is said there is no limit")
    func nothing() throws {
        #expect(try reading([:]).availableBytes == .max)
    }

    @Test("this process holds memory, and the system has some")
    func here() {
        let now = SystemMemory.system.now()
        #expect(now.residentBytes > 1 << 20 && now.availableBytes > 1 << 20)
        #expect(SystemMemory.system.residentBytes > 1 << 20)
        #expect(SystemMemory.system.peakBytes >= now.residentBytes)
    }
}
