import Engine
import Synchronization
import Testing

@Suite("What ends a run")
struct RunStopTests {
    @Test("a stop calls what is attached, once")
    func callsOnce() throws {
        let calls = Atomic(0)
        let stop = RunStop()
        #expect(!stop.isStopped)
        try stop.whileAttached({ calls.add(1, ordering: .relaxed) }) { () throws(EngineError) in
            stop.stop()
            stop.stop()
        }
        #expect(stop.isStopped)
        #expect(calls.load(ordering: .relaxed) == 1)
    }

    @Test("what was detached is not called")
    func detached() throws {
        let calls = Atomic(0)
        let stop = RunStop()
        let result = try stop.whileAttached({ calls.add(1, ordering: .relaxed) }) {
            () throws(EngineError) in 7
        }
        #expect(result == 7)
        stop.stop()
        #expect(calls.load(ordering: .relaxed) == 0)
    }

    @Test("several runs may be attached to one stop")
    func several() throws {
        let calls = Atomic(0)
        let stop = RunStop()
        try stop.whileAttached({ calls.add(1, ordering: .relaxed) }) { () throws(EngineError) in
            try stop.whileAttached({ calls.add(10, ordering: .relaxed) }) {
                () throws(EngineError) in stop.stop()
            }
        }
        #expect(calls.load(ordering: .relaxed) == 11)
    }

    @Test("nothing begins after a stop")
    func stopped() throws {
        let stop = RunStop()
        stop.stop()
        let error = try engineError {
            try stop.whileAttached({}) { () throws(EngineError) -> Void in
                Issue.record("it began")
            }
        }
        #expect(error.code == .terminated)
    }

    @Test("what a run throws passes, and detaches it")
    func passesErrors() throws {
        let calls = Atomic(0)
        let stop = RunStop()
        let error = try engineError {
            try stop.whileAttached({ calls.add(1, ordering: .relaxed) }) {
                () throws(EngineError) in throw EngineError(.runtimeFailed, "it failed")
            }
        }
        stop.stop()
        #expect(error.code == .runtimeFailed)
        #expect(calls.load(ordering: .relaxed) == 0)
    }
}
