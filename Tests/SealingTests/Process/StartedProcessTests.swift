import Foundation
import Testing

@testable import Sealing

@Suite("A process with given descriptors")
struct StartedProcessTests {
    @Test("each descriptor has its place, in whatever order and however low their numbers are")
    func descriptors() throws {
        let files = (0..<4).map { _ in
            FileManager.default.temporaryDirectory
                .appendingPathComponent("descriptor-\(UUID().uuidString)").path
        }
        var open: [Int32] = files.map { Glibc.open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
        open.reverse()
        defer { for descriptor in open { close(descriptor) } }
        let process = try StartedProcess(
            "/bin/sh",
            ["sh", "-c", "for n in 0 1 2 3; do echo $n >/proc/self/fd/$n; done"],
            descriptors: open,
            what: "a shell"
        )
        #expect(process.wait() == .exited(0))
        let texts = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
        #expect(texts == ["3\n", "2\n", "1\n", "0\n"])
    }

    @Test("a process that was reaped is not signalled, and its end stays known")
    func reaped() throws {
        let null = open("/dev/null", O_RDWR)
        defer { close(null) }
        let process = try StartedProcess(
            "/bin/sh",
            ["sh", "-c", "exit 7"],
            descriptors: [null, null, null],
            what: "a shell"
        )
        #expect(process.wait() == .exited(7))
        process.kill()
        #expect(process.wait(milliseconds: 0) == .exited(7))
        #expect(!process.liftTimeLimit())
    }

    @Test("a wait for one that goes on ends in time, and a kill ends it with what it has started")
    func killed() throws {
        let null = open("/dev/null", O_RDWR)
        defer { close(null) }
        let process = try StartedProcess(
            "/bin/sh",
            ["sh", "-c", "ulimit -S -t 100; sleep 1000 & wait"],
            descriptors: [null, null, null],
            what: "a shell"
        )
        #expect(process.wait(milliseconds: 20) == nil)
        func softLimit() throws -> String? {
            try String(contentsOfFile: "/proc/\(process.id)/limits", encoding: .utf8)
                .split(separator: "\n").first { $0.hasPrefix("Max cpu time") }?
                .split(separator: " ").dropFirst(3).first.map(String.init)
        }
        for _ in 0..<5_000 where try softLimit() != "100" { usleep(1_000) }
        #expect(try softLimit() == "100")
        #expect(process.liftTimeLimit())
        #expect(try softLimit() == "unlimited")
        process.kill()
        #expect(process.wait() == .killed(SIGKILL))
    }
}
