import Foundation
import Synchronization
import Testing

@testable import Sealing

@Suite("A child process")
struct ChildProcessTests {
    private func shell(_ script: String, environment: [String]? = nil) throws -> ChildProcess {
        try ChildProcess(
            "/bin/sh",
            ["sh", "-c", script],
            environment: environment,
            output: .stream,
            what: "a shell"
        )
    }

    private func follow(_ child: ChildProcess, seconds: Int = 60) -> (ChildProcess.Outcome, String)
    {
        var said: [UInt8] = []
        let outcome = child.follow(seconds: seconds) { bytes in
            said += bytes
            return true
        }
        return (outcome, String(decoding: said, as: UTF8.self))
    }

    @Test("what it gets, says and ends with is known")
    func exchange() throws {
        let child = try shell("read line; echo \"$line!\"; echo two >&2; echo three >&2; exit 3")
        child.send(Array("one\n".utf8), seconds: 60)
        child.endInput()
        let (outcome, said) = follow(child)
        #expect(said == "one!\n")
        #expect(outcome.errors == "two; three")
        #expect(outcome.errorBytes == 10)
        #expect(outcome.ending == .exited(3))
    }

    @Test("one that a signal ends is told from one that exits")
    func signalled() throws {
        #expect(follow(try shell("kill -SEGV $$")).0.ending == .killed(SIGSEGV))
    }

    @Test("one that takes too long is killed, with what it has started")
    func outOfTime() throws {
        let child = try shell("sleep 1000 & echo $!; wait")
        let (outcome, said) = follow(child, seconds: 1)
        #expect(outcome.ending == .outOfTime)
        let started = try #require(pid_t(said.dropLast()))
        // Its end is the system's to make: a process that was killed may stand a moment.
        for _ in 0..<10_000 where kill(started, 0) == 0 { usleep(1_000) }
        #expect(kill(started, 0) == -1)
    }

    @Test("it gets the variables that it is to get, and no others")
    func environment() throws {
        let child = try shell("echo $ONE,$HOME", environment: ["ONE=1"])
        #expect(follow(child).1 == "1,\n")
        #expect(OwnProcess.environment { $0 == "PATH" }.allSatisfy { $0.hasPrefix("PATH=") })
        #expect(OwnProcess.environment { _ in false } == [])
    }

    @Test("no descriptor of this process is open in it, also one that was to stay")
    func descriptors() throws {
        let kept = open("/dev/null", O_RDONLY)
        defer { close(kept) }
        // The shell opens the folder itself: one more than the three streams.
        let child = try shell("set -- /proc/self/fd/*; echo $#")
        let (_, said) = follow(child)
        #expect(try #require(Int(said.dropLast())) <= 4)
    }

    @Test("a program that is not there is a failure that names what it was to be")
    func missing() {
        let error = #expect(throws: SealingError.self) {
            try ChildProcess("/nowhere/at/all", ["x"], output: .errors, what: "the program")
        }
        #expect(error?.code == .keyAccess)
        #expect(error?.message.hasPrefix("the program cannot be started") == true)
    }
}
