import Foundation
import Testing

@testable import Hosting

@Suite("The number of processes that were ended for lack of memory")
struct OutOfMemoryKillsTests {
    private let root = FileManager.default.temporaryDirectory
        .appendingPathComponent("kills-\(UUID().uuidString)")

    private func write(_ path: String, _ text: String) throws {
        let file = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try text.write(to: file, atomically: true, encoding: .utf8)
    }

    @Test(
        "it grows with the counter of the group, of either version, or of the machine",
        arguments: [
            ("0::/a/b\n", "sys/fs/cgroup/a/b/memory.events", "low 0\noom 9\noom_kill "),
            ("0::/\n", "sys/fs/cgroup/memory.events", "oom_kill "),
            ("0::/gone\n", "sys/fs/cgroup/memory.events", "oom_kill "),
            (
                "5:memory:/x\n1:cpu:/y\n", "sys/fs/cgroup/memory/x/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill "
            ),
            ("", "proc/vmstat", "pgfault 1\noom_kill "),
        ]
    )
    func grows(groups: String, path: String, text: String) throws {
        try write("proc/self/cgroup", groups)
        try write(path, text + "4\n")
        let kills = OutOfMemoryKills(root: root.path)
        #expect(!kills.hasGrown())
        try write(path, text + "5\n")
        #expect(kills.hasGrown())
        #expect(!kills.hasGrown())
        try write(path, text + "6\n")
        kills.look()
        #expect(!kills.hasGrown())
    }

    @Test("a system that counts nothing has ended none")
    func nothing() {
        #expect(!OutOfMemoryKills(root: root.path).hasGrown())
    }
}
