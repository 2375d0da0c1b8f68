internal import CSandbox
internal import Glibc
internal import Sealing

/// The self-test of the sandbox: tries each forbidden thing, each in a process of its own.
///
/// The processes are forks of the calling one, which must have one thread: a program that is
/// started for each of them would take many times as long.
package enum SelfTest {
    /// Runs it.
    /// - Throws: ``SandboxError`` if the system starts no process or has no memory for it.
    package static func run() throws(SandboxError) -> SelfTestResult {
        try ThreadCount.requireOne()
        let word = try SharedWord()
        var report = SandboxReport()
        report.landlockVersion = Landlock.version
        report.filtersCalls = try answer(to: Attempt.filter, word).isStopped
        var entries: [SelfTestResult.Entry] = []
        for attempt in Attempt.layers + Attempt.both
        where attempt.isPossible(landlockVersion: report.landlockVersion) {
            entries.append(try answer(to: attempt, word))
        }
        return SelfTestResult(report: report, entries: entries)
    }

    private static func answer(
        to attempt: Attempt,
        _ word: SharedWord
    ) throws(SandboxError) -> SelfTestResult.Entry {
        let end = try end(of: attempt, word)
        return SelfTestResult.Entry(
            thing: attempt.thing,
            answer: end.text,
            isStopped: end.isAsExpected(attempt.expected)
        )
    }

    /// Performs an attempt in a new process, and waits for its end.
    static func end(of attempt: Attempt, _ word: SharedWord) throws(SandboxError) -> End {
        word.value = -1
        let child = sandbox_Fork()
        guard child >= 0 else { throw SandboxError("no process can be started", errno: errno) }
        if child == 0 { attempt.perform(recordingAt: word.address) }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else {
                throw SandboxError("a process cannot be waited for", errno: errno)
            }
        }
        return End(status: status, call: word.value)
    }

    /// The end of a process that tried something.
    struct End {
        /// As `waitpid` gives it.
        let status: Int32
        /// The number of a forbidden call; -1: none was recorded.
        let call: Int32

        private var signal: Int32 { status & 0x7F }
        private var exitStatus: Int32 { status >> 8 & 0xFF }

        var text: String {
            if signal == SIGSYS, call >= 0 { return "SIGSYS at \(Sandbox.callName(call))" }
            if signal != 0 { return SignalName.of(signal) }
            return switch exitStatus {
            case Attempt.succeeded, 0: "done"
            case Attempt.notEntered: "the sandbox could not be entered"
            default: ErrorNumber.name(exitStatus)
            }
        }

        func isAsExpected(_ expected: Attempt.Expected) -> Bool {
            switch expected {
            case .endsAt(let name): signal == SIGSYS && Sandbox.callName(call) == name
            case .ends(let signals): signals.contains(signal) && call == -1
            case .fails(let number): signal == 0 && exitStatus == number
            }
        }
    }

    /// A number in memory that this process shares with its forks.
    @safe
    final class SharedWord {
        private let word: UnsafeMutablePointer<Int32>
        private static let bytes = MemoryLayout<Int32>.size

        init() throws(SandboxError) {
            let protection = PROT_READ | PROT_WRITE
            let flags = MAP_SHARED | MAP_ANONYMOUS
            let memory = unsafe mmap(nil, Self.bytes, protection, flags, -1, 0)
            guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
                throw SandboxError("no memory can be shared", errno: errno)
            }
            unsafe word = memory.bindMemory(to: Int32.self, capacity: 1)
        }

        deinit { unsafe munmap(word, Self.bytes) }

        var address: UInt { unsafe UInt(bitPattern: word) }
        var value: Int32 {
            get { unsafe word.pointee }
            set { unsafe word.pointee = newValue }
        }
    }
}
