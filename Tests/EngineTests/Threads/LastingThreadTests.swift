import Engine
import EngineTesting
import Foundation
import Glibc
import Synchronization
import Testing

@Suite("Lasting threads")
struct LastingThreadTests {
    private static func niceness() -> Int32 { getpriority(Int32(PRIO_PROCESS.rawValue), 0) }

    @Test("pieces of work run on one thread, and give what they give")
    func oneThread() {
        let thread = LastingThread(.inherited, name: "inherited")
        let first = thread.run { pthread_self() }
        #expect(thread.run { pthread_self() } == first)
        #expect(first != pthread_self())
        #expect(thread.run { 6 * 7 } == 42)
    }

    @Test("a quiet thread gives way, and its caller does not")
    func quiet() {
        let before = Self.niceness()
        let policy = sched_getscheduler(0)
        #expect(LastingThread(.inherited, name: "inherited").run { Self.niceness() } == before)
        let thread = LastingThread(.quiet, name: "quiet")
        #expect(thread.run { sched_getscheduler(0) } == 5)
        #expect(thread.run { Self.niceness() } == ThreadPriority.niceness)
        #expect(Self.niceness() == before && sched_getscheduler(0) == policy)
    }

    @Test("a thread that stepped back is behind others, and stays there")
    func stepsBack() {
        let before = Self.niceness()
        let thread = LastingThread(.inherited, name: "inherited")
        thread.run { ThreadPriority.stepBack() }
        #expect(thread.run { Self.niceness() } == max(before, ThreadPriority.niceness))
        #expect(thread.run { sched_getscheduler(0) } == SCHED_OTHER)
        #expect(Self.niceness() == before)
    }

    @Test("what was begun runs before what is asked for after it")
    func begins() {
        let thread = LastingThread(.quiet, name: "quiet")
        let seen = Mutex<[Int]>([])
        thread.begin { seen.withLock { $0.append(1) } }
        thread.run { seen.withLock { $0.append(2) } }
        #expect(seen.withLock { $0 } == [1, 2])
    }

    @Test("a thread goes by its name")
    func name() throws {
        let read: @Sendable () -> String? = {
            try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
        }
        let before = read()
        #expect(LastingThread(.inherited, name: "of its own").run { read() } == "of its own\n")
        #expect(read() == before)
    }

    @Test("whoever waits may look up meanwhile")
    func looks() {
        var looks = 0
        let gate = Gate()
        LastingThread(.quiet, name: "quiet").run(look: {
            looks += 1
            gate.open()
        }) { gate.pass() }
        #expect(looks > 0)
    }

    @Test("a caller may abandon a run, whose result is released when it ends")
    func abandons() async {
        final class Held: Sendable {
            let isGone: Gate
            init(_ gate: Gate) { isGone = gate }
            deinit { isGone.open() }
        }
        let (gate, isGone) = (Gate(), Gate())
        var thread: LastingThread? = LastingThread(.quiet, name: "quiet")
        weak let lost = thread
        let result = thread?.run(while: { gate.arrived == 0 }) { () -> Held in
            gate.pass()
            return Held(isGone)
        }
        #expect(result == nil)
        // Its owner drops it; work that was begun behind the abandoned run is still done.
        let isDone = Gate()
        thread?.begin { isDone.pass() }
        thread = nil
        #expect(lost == nil)
        gate.open()
        isGone.pass()
        await isDone.waitForArrivals(1)
        isDone.open()
    }
}
