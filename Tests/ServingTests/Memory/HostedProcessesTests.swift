import Foundation
import Glibc
import Testing

@testable import Serving

@Suite("The memory of engine hosts")
struct HostedProcessesTests {
    private static let page = UInt64(sysconf(Int32(_SC_PAGESIZE)))
    private let hosts = HostedProcesses()

    /// Does something with files in the place of the system's.
    private func with<R>(_ files: [String: String], _ body: (String) throws -> R) throws -> R {
        let root = FileManager.default.temporaryDirectory.appending(path: "hosts-\(UUID())")
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in files {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        return try body(root.path())
    }

    private let files = [
        "proc/self/statm": "900 100 40 1 0 7 0\n",
        "proc/self/smaps_rollup": "00-ff ---p 0 00:00 0 [rollup]\nRss: 400 kB\nPss: 320 kB\n",
        "proc/7/statm": "900 50 20 1 0 7 0\n",
        "proc/8/statm": "900 60 10 1 0 7 0\n",
        "proc/8/smaps_rollup": "00-ff ---p 0 00:00 0 [rollup]\nRss: 240 kB\nPss: 200 kB\n",
    ]

    @Test("hosts count with their private memory while they live, and shared memory once")
    func statm() throws {
        try with(files) { root in
            let memory = SystemMemory(root: root, hosts: hosts)
            #expect(memory.residentBytes == 100 * Self.page)
            for id in [7, 8, 9] as [Int32] { hosts.add(id) }
            #expect(memory.residentBytes == (100 + 30 + 50) * Self.page)
            #expect(memory.now().residentBytes == memory.residentBytes)
            #expect(memory.ownBytes == 100 * Self.page)
            hosts.remove(7)
            #expect(memory.residentBytes == (100 + 50) * Self.page)
        }
    }

    @Test("the metric is the sum of Pss, and of private memory where Pss may not be read")
    func pss() throws {
        try with(files) { root in
            #expect(hosts.totalBytes(root: root) == 320 * 1_024)
            for id in [7, 8] as [Int32] { hosts.add(id) }
            #expect(hosts.totalBytes(root: root) == (320 + 200) * 1_024 + 30 * Self.page)
        }
    }

    @Test("this process's own figures are read from the system")
    func own() {
        #expect(ProcessMemoryUse().residentBytes > 1 << 20)
        #expect(ProcessMemoryUse(id: getpid()).privateBytes > 1 << 20)
        #expect(ProcessMemoryUse(id: .max).residentBytes == 0)
        #expect(hosts.totalBytes() > 1 << 20)
    }
}
