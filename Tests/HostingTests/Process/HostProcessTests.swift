import Engine
import Foundation
import Glibc
import Sealing
import Synchronization
import Testing

@testable import Hosting

/// A script in place of an engine host's program.
private struct Script: Sendable {
    let folder: URL
    let setup: HostSetup

    init(_ text: String) throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("hosts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("host").path
        try "#!/bin/sh\n\(text)\n".write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o700)
        var setup = HostSetup(ringBytes: 1 << 20, lanes: 1, budget: NoBudget())
        setup.program = path
        self.setup = setup
    }

    struct NoBudget: ByteBudget {
        let limitBytes = 0
        func take(_ bytes: Int) -> Bool { false }
        func giveBack(_ bytes: Int) {}
    }
}

/// The ids of processes that live.
private final class Living: Sendable {
    private let state = Mutex((now: Set<Int32>(), ever: 0))

    var now: Set<Int32> { state.withLock { $0.now } }
    var ever: Int { state.withLock { $0.ever } }

    func track(_ id: Int32, _ lives: Bool) {
        state.withLock { state in
            if lives {
                state.now.insert(id)
                state.ever += 1
            } else {
                state.now.remove(id)
            }
        }
    }

    /// Waits for a condition, for ten seconds at most.
    func until(_ isTrue: (Living) -> Bool) -> Bool {
        for _ in 0..<10_000 {
            if isTrue(self) { return true }
            usleep(1_000)
        }
        return false
    }
}

@Suite("The process of an engine host")
struct HostProcessTests {
    private let living = Living()

    private func pool(_ script: Script, spares: Int = 0) -> SparePool {
        SparePool(script.setup, count: spares, track: living.track)
    }

    private func end(of host: HostProcess) -> HostEnd? { host.waitForEnd(milliseconds: 10_000) }

    private func isGone(_ id: Int32) -> Bool { kill(id, 0) == -1 && errno == ESRCH }

    @Test(
        "the way in which it ended is known, and it is reaped",
        arguments: [
            ("exit 3", .exited(3)), ("kill -FPE $$", .killed(SIGFPE)),
            ("kill -KILL $$", .killed(SIGKILL)), ("kill -TERM $$", .killed(SIGTERM)),
        ] as [(String, HostEnd)]
    )
    func ends(script: String, expected: HostEnd) throws {
        let script = try Script(script)
        let host = try pool(script).take()
        #expect(end(of: host) == expected)
        #expect(isGone(host.process.id))
        #expect(host.channel.isOver)
    }

    @Test("the server's reason for its end counts, and the first one of them")
    func killed() throws {
        let script = try Script("sleep 1000")
        let pool = pool(script)
        let host = try pool.take()
        host.kill(.overTime)
        host.kill(.released)
        #expect(end(of: host) == .overTime)
        #expect(living.until { $0.now.isEmpty })
    }

    @Test("one that closes its control socket and goes on is ended")
    func silent() throws {
        let script = try Script("exec 0<&-; exec sleep 1000")
        let pool = pool(script)
        guard case .lied? = end(of: try pool.take()) else {
            Issue.record("it was not ended for that")
            return
        }
    }

    @Test(
        "one that sends what no host sends is ended",
        arguments: [
            "printf '\\001\\377\\377\\377\\377' >&0", "printf '\\011\\000\\000\\000\\000' >&0",
            "printf '\\003\\000\\000\\000\\001x' >&0",
        ]
    )
    func noise(script: String) throws {
        let script = try Script(script + "; exec sleep 1000")
        let pool = pool(script)
        guard case .lied? = end(of: try pool.take()) else {
            Issue.record("it was not ended for that")
            return
        }
    }

    @Test("one that stops within a frame and goes on is ended, and so is one that is killed then")
    func partOfFrame() throws {
        let script = try Script("printf '\\001\\000' >&0; exec sleep 1000")
        let pool = pool(script)
        let (host, other) = (try pool.take(), try pool.take())
        usleep(200_000)
        other.kill(.overTime)
        #expect(other.waitForEnd(milliseconds: 2_000) == .overTime)
        #expect(host.waitForEnd(milliseconds: 1) == nil)
        guard case .lied? = host.waitForEnd(milliseconds: 20_000) else {
            Issue.record("it was not ended for that")
            return
        }
    }

    @Test("one that is killed is reaped, whoever else holds its end of the control socket")
    func heldEnd() throws {
        let script = try Script(
            "exec 5<&0; printf '\\001' >&0; setsid sleep 4 <&5 & exec sleep 1000"
        )
        let host = try pool(script).take()
        usleep(200_000)
        host.kill(.released)
        #expect(host.waitForEnd(milliseconds: 2_000) == .released)
        #expect(isGone(host.process.id))
    }

    @Test("one that does not read is ended at the end of its load, also while it is sent a file")
    func unread() throws {
        let script = try Script("exec sleep 1000")
        let pool = pool(script)
        let host = try pool.take()
        let bytes = [UInt8](repeating: 1, count: 16 << 20)
        let beganNs = MonotonicTime.nowNs
        let isSent = host.send(bytes.span.bytes, untilNs: beganNs + 1_500_000_000)
        #expect(!isSent)
        #expect(MonotonicTime.nowNs - beganNs < 10_000_000_000)
        #expect(end(of: host) == .overTime)
        #expect(!host.send(message: [1], untilNs: .max))
    }

    @Test("one that reads slowly is ended at the end of its load")
    func slowReader() throws {
        let script = try Script("while dd bs=65536 count=1 <&0 >/dev/null 2>&1; do sleep 0.2; done")
        let pool = pool(script)
        let host = try pool.take()
        let bytes = [UInt8](repeating: 1, count: 64 << 20)
        let beganNs = MonotonicTime.nowNs
        let isSent = host.send(bytes.span.bytes, untilNs: beganNs + 2_000_000_000)
        #expect(!isSent)
        #expect(MonotonicTime.nowNs - beganNs < 15_000_000_000)
        #expect(end(of: host) == .overTime)
    }

    @Test("its messages arrive in order, and its end behind them")
    func messages() throws {
        let script = try Script("printf '\\001\\000\\000\\000\\002hi\\001\\000\\000\\000\\000' >&0")
        let pool = pool(script)
        let host = try pool.take()
        let untilNs = MonotonicTime.nowNs + 10_000_000_000
        guard case .message(Array("hi".utf8)) = host.next(untilNs: untilNs),
            case .message([]) = host.next(untilNs: untilNs),
            case .ended(.exited(0)) = host.next(untilNs: untilNs),
            case .ended(.exited(0)) = host.next(untilNs: untilNs)
        else {
            Issue.record("another order")
            return
        }
    }

    @Test("one that sends a message after its last one is ended", arguments: [true, false])
    func afterTheLast(comesBefore: Bool) throws {
        let frame = "printf '\\001\\000\\000\\000\\000' >&0"
        let pause = comesBefore ? "" : "sleep 0.5;"
        let script = try Script("\(frame); \(pause) \(frame); exec sleep 1000")
        let pool = pool(script)
        let host = try pool.take()
        guard case .message([]) = host.next(untilNs: MonotonicTime.nowNs + 10_000_000_000) else {
            Issue.record("no message")
            return
        }
        if comesBefore { usleep(200_000) }
        host.endMessages()
        guard case .lied? = end(of: host) else {
            Issue.record("it was not ended for that")
            return
        }
    }

    @Test("one that sends nothing after its last message lives on")
    func lastMessage() throws {
        let script = try Script("printf '\\001\\000\\000\\000\\000' >&0; exec sleep 1000")
        let pool = pool(script)
        let host = try pool.take()
        defer { host.kill(.released) }
        _ = host.next(untilNs: MonotonicTime.nowNs + 10_000_000_000)
        host.endMessages()
        #expect(host.waitForEnd(milliseconds: 300) == nil)
    }

    @Test("a wait for a message ends in time")
    func patience() throws {
        let script = try Script("sleep 1000")
        let pool = pool(script)
        let host = try pool.take()
        defer { host.kill(.released) }
        guard case .outOfTime = host.next(untilNs: MonotonicTime.nowNs + 1_000_000) else {
            Issue.record("something came")
            return
        }
    }

    @Test("what it writes to its standard streams is handed over, also what came before")
    func output() throws {
        let script = try Script("echo one; echo two >&2; sleep 0.2; echo three")
        let host = try pool(script).take()
        let taken = Mutex<[UInt8]>([])
        usleep(100_000)
        host.takeOutput { bytes in taken.withLock { $0 += bytes } }
        _ = end(of: host)
        #expect(taken.withLock { String(decoding: $0, as: UTF8.self) } == "one\ntwo\nthree\n")
    }

    @Test("descriptors 0 to 3 are open in it, and no other one")
    func descriptors() throws {
        let kept = open("/dev/null", O_RDONLY)
        defer { close(kept) }
        let script = try Script("sleep 1000")
        let pool = pool(script)
        let host = try pool.take()
        defer { host.kill(.released) }
        let folder = "/proc/\(host.process.id)/fd"
        // The shell keeps its script open, under a high number.
        #expect(
            living.until { _ in
                let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                let numbers = names.compactMap { Int($0) }.filter { $0 < 10 }
                return numbers.sorted() == [0, 1, 2, 3]
            }
        )
    }

    @Test("variables that may hold secrets, or would load code, do not reach it")
    func environment() {
        for name in [
            "STRONGROOM_ONNXRUNTIME", "LOCPATH", "TZ", "GLIBC_TUNABLES", "MALLOC_ARENA_MAX",
            "ORT_DISABLE_TELEMETRY", "OMP_NUM_THREADS",
        ] {
            #expect(HostSetup.isPassedOn(name), "\(name)")
        }
        for name in [
            "STRONGROOM_KEK", "STRONGROOM_KEYS", "STRONGROOM_ONNXRUNTIME_KEY", "LD_PRELOAD",
            "LD_LIBRARY_PATH", "HOME", "PATH", "LANG", "LC_ALL", "AWS_SECRET_ACCESS_KEY", "",
        ] {
            #expect(!HostSetup.isPassedOn(name), "\(name)")
        }
        #expect(HostSetup.environment.filter { $0.hasPrefix("LC_") } == ["LC_ALL=C.UTF-8"])
    }

    @Test("spares wait, are taken, and are replaced", arguments: [1, 3])
    func spares(count: Int) throws {
        let script = try Script("sleep 1000")
        let pool = pool(script, spares: count)
        pool.fill()
        #expect(living.until { $0.now.count == count })
        let waiting = living.now
        let host = try pool.take()
        #expect(waiting.contains(host.process.id))
        #expect(living.until { $0.now.count == count + 1 })
        pool.close()
        #expect(living.until { $0.now == [host.process.id] })
        host.kill(.released)
        #expect(living.until { $0.now.isEmpty })
    }

    @Test("a spare that ends by itself is not replaced in a loop")
    func losses() throws {
        let script = try Script("exit 1")
        let pool = pool(script, spares: 2)
        pool.fill()
        #expect(living.until { $0.ever >= 2 && $0.now.isEmpty })
        usleep(500_000)
        #expect(living.ever <= 4)
        // After a second there is another try.
        #expect(living.until { $0.ever > 4 || $0.ever == 4 })
        pool.close()
    }

    @Test("a pool that goes takes its spares along")
    func gone() throws {
        let script = try Script("sleep 1000")
        do {
            let pool = pool(script, spares: 2)
            pool.fill()
            #expect(living.until { $0.now.count == 2 })
        }
        #expect(living.until { $0.now.isEmpty })
    }

    @Test("a program that is not there is an error, and leaves nothing behind")
    func missing() throws {
        var setup = try Script("exit").setup
        setup.program = "/nowhere/at/all"
        let pool = SparePool(setup, count: 0, track: living.track)
        let error = #expect(throws: EngineError.self) { try pool.take() }
        #expect(error?.code == .unavailable)
        #expect(living.ever == 0)
    }
}
