import Engine
import EngineTesting
import Glibc
import Testing

@Suite("Lasting threads")
struct LastingThreadTests {
    private static func niceness() -> Int32 { getpriority(Int32(PRIO_PROCESS.rawValue), 0) }

    @Test("pieces of work run on one thread, and give what they give")
    func oneThread() {
        let thread = LastingThread(.inherited)
        let first = thread.run { pthread_self() }
        #expect(thread.run { pthread_self() } == first)
        #expect(first != pthread_self())
        #expect(thread.run { 6 * 7 } == 42)
    }

    @Test("a quiet thread gives way, and its caller does not")
    func quiet() {
        let before = Self.niceness()
        let policy = sched_getscheduler(0)
        #expect(LastingThread(.inherited).run { Self.niceness() } == before)
        let thread = LastingThread(.quiet)
        #expect(thread.run { sched_getscheduler(0) } == 5)
        #expect(thread.run { Self.niceness() } == ThreadPriority.niceness)
        #expect(Self.niceness() == before && sched_getscheduler(0) == policy)
    }

    @Test("whoever waits may look up meanwhile")
    func looks() {
        var looks = 0
        let gate = Gate()
        LastingThread(.quiet).run(look: {
            looks += 1
            gate.open()
        }) { gate.pass() }
        #expect(looks > 0)
    }
}
