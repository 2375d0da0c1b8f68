import Glibc
import Testing

@testable import Sandbox

/// Attempts in processes that this one forks: with everything of the sandbox, and with a hole in it.
///
/// A fork of a process with threads has one thread, and may take no lock that another thread held:
/// the attempts here make system calls only.
@Suite("The sandbox's self-test", .serialized)
struct SelfTestTests {
    @Test("an attempt that is stopped is told from one that is not")
    func verdicts() {
        let open = Attempt.make("openat", [Int(AT_FDCWD), Attempt.address("/proc/self/exe"), 0])
        #expect(open >= 0, "the test's own process may open files")
        close(Int32(open))
        let allowed = SelfTest.End(status: Attempt.succeeded << 8, call: -1)
        #expect(allowed.text == "done")
        #expect(!allowed.isAsExpected(.fails(EACCES)))
        #expect(!allowed.isAsExpected(.endsAt("openat")))
        #expect(!allowed.isAsExpected(.ends([SIGSYS])))
    }

    @Test("the end of a process is compared with the expected one, call, signal and error")
    func ends() throws {
        let openat = try #require((0..<500).first { Sandbox.callName($0) == "openat" })
        let call = SelfTest.End(status: SIGSYS, call: openat)
        #expect(call.text == "SIGSYS at openat")
        #expect(call.isAsExpected(.endsAt("openat")))
        #expect(!call.isAsExpected(.endsAt("open")))
        // A call was recorded where none was expected.
        #expect(!call.isAsExpected(.ends([SIGSYS])))
        let silent = SelfTest.End(status: SIGSYS, call: -1)
        #expect(silent.text == "SIGSYS" && silent.isAsExpected(.ends([SIGSYS, SIGSEGV])))
        #expect(!silent.isAsExpected(.endsAt("openat")))
        let refused = SelfTest.End(status: EACCES << 8, call: -1)
        #expect(refused.text == "EACCES" && refused.isAsExpected(.fails(EACCES)))
        #expect(!refused.isAsExpected(.fails(EPERM)))
        // A process that was killed with a status that looks like an error did not fail with it.
        let killed = SelfTest.End(status: SIGKILL | EACCES << 8, call: -1)
        #expect(!killed.isAsExpected(.fails(EACCES)))
        let outside = SelfTest.End(status: Attempt.notEntered << 8, call: -1)
        #expect(outside.text == "the sandbox could not be entered")
        #expect(!outside.isAsExpected(.fails(EACCES)) && !outside.isAsExpected(.ends([SIGSYS])))
    }

    @Test(
        "an attempt that needs a later Landlock is left out, and none is where Landlock is missing"
    )
    func landlockVersions() throws {
        let connect = try #require(Attempt.layers.first { $0.thing.hasPrefix("connect over TCP") })
        #expect(!connect.isPossible(landlockVersion: 3))
        #expect(connect.isPossible(landlockVersion: 4))
        #expect(connect.isPossible(landlockVersion: 0))
    }

    @Test("a thread of the first stage that gets its first turn in the second may begin")
    func lateThreads() throws {
        let end = try SelfTest.end(of: lateThread, SelfTest.SharedWord())
        #expect(end.text == "done")
    }

    /// A thread that names itself, as each does that the C library or ONNX Runtime makes, after the
    /// process has entered the second stage.
    private var lateThread: Attempt {
        Attempt(
            thing: "begin late",
            layers: .first,
            expected: .fails(0),
            prepare: {
                var gate: [Int32] = [0, 0]
                return pipe(&gate) == 0 ? Int(gate[0] | gate[1] << 16) : -1
            },
            act: { gate in
                var thread = pthread_t()
                let reader = UnsafeMutableRawPointer(bitPattern: gate & 0xFFFF)
                let made = pthread_create(&thread, nil, Self.begin, reader)
                guard made == 0, (try? Sandbox.enterSecondStage()) != nil else { return -1 }
                close(Int32(gate >> 16))
                return pthread_join(thread, nil) == 0 ? 0 : -1
            }
        )
    }

    /// PR_SET_NAME of linux/prctl.h.
    private static let setName = 15

    /// The thread: waits until the other end of the pipe is closed, and names itself.
    private static let begin:
        @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
            {
                var byte: UInt8 = 0
                _ = read(Int32(Int(bitPattern: $0)), &byte, 1)
                let memory = malloc(1 << 20)
                defer { free(memory) }
                let named = Attempt.make("prctl", [setName, Attempt.address("late")])
                if memory == nil || named < 0 { _exit(EPERM) }
                return nil
            }

    @Test("every attempt is named once")
    func names() {
        let things = (Attempt.layers + Attempt.both).map(\.thing)
        #expect(Set(things).count == things.count)
        #expect(things.count >= 48)
    }
}
