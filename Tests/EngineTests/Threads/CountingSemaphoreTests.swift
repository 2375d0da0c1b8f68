import Engine
import Synchronization
import Testing

@Suite("Counting semaphores")
struct CountingSemaphoreTests {
    @Test("As many waits pass as there were signals, and no more")
    func count() {
        let semaphore = CountingSemaphore(2)
        semaphore.signal()
        for _ in 0..<3 { semaphore.wait() }
        #expect(!semaphore.wait(untilNs: MonotonicTime.nowNs))
        semaphore.signal()
        #expect(semaphore.wait(untilNs: 0))
        #expect(!semaphore.wait(untilNs: 0))
    }

    @Test("A wait ends at its time and not before")
    func timeLimit() {
        let end = MonotonicTime.nowNs + 20_000_000
        #expect(!CountingSemaphore().wait(untilNs: end))
        #expect(MonotonicTime.nowNs >= end)
    }

    @Test("A signal of another thread ends a wait")
    func otherThread() {
        let (there, back) = (CountingSemaphore(), CountingSemaphore())
        WorkerThread.start("semaphore") {
            for _ in 0..<1_000 {
                there.wait()
                back.signal()
            }
        }
        for _ in 0..<1_000 {
            there.signal()
            back.wait()
        }
        #expect(!back.wait(untilNs: 0))
    }
}
