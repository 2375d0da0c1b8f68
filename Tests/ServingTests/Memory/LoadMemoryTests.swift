import Synchronization
import Testing

@testable import Serving

@Suite("What a load may take")
struct LoadMemoryTests {
    /// Memory that says what a test wants.
    private final class Said: Sendable {
        let reading = Mutex(SystemMemory.Reading(residentBytes: 0, availableBytes: .max))
        var system: SystemMemory { SystemMemory { self.reading.withLock { $0 } } }

        func say(resident: UInt64 = 0, available: UInt64 = .max) {
            reading.withLock { $0 = .init(residentBytes: resident, availableBytes: available) }
        }
    }

    private let said = Said()
    private let mebibyte: UInt64 = 1 << 20

    @Test("without a budget there is what the system has, less what it is left")
    func system() {
        let memory = LoadMemory(system: said.system, budgetBytes: nil)
        said.say(resident: 500, available: LoadMemory.reserveBytes + 7)
        #expect(memory.room() == 7)
        said.say(available: LoadMemory.reserveBytes - 1)
        #expect(memory.room() == 0)
    }

    @Test("a budget bounds what the process holds, and the system does all the same")
    func budget() {
        let memory = LoadMemory(system: said.system, budgetBytes: 1_000)
        said.say(resident: 400)
        #expect(memory.room() == 600)
        said.say(resident: 1_001)
        #expect(memory.room() == 0)
        said.say(resident: 400, available: LoadMemory.reserveBytes + 5)
        #expect(memory.room() == 5)
    }

    @Test(
        "what the last load of a model took is what the next is expected to take, within bounds",
        arguments: [(2.0, 2.0), (0.5, 1.0), (20.0, 8.0)]
    )
    func learns(took: Double, expected: Double) {
        let memory = LoadMemory(system: said.system, budgetBytes: nil)
        let bytes = LoadMemory.leastSeenBytes
        let before = UInt64(3.0 * Double(bytes)) + LoadMemory.overheadBytes
        #expect(memory.need(of: "m", bytes: bytes) == before)
        said.say(resident: 100 * mebibyte)
        let watch = memory.watch()
        said.say(resident: 100 * mebibyte + UInt64(took * Double(bytes)))
        watch.look()
        said.say(resident: 1)
        watch.look()
        memory.learn("m", bytes: bytes, from: watch)
        let after = UInt64(expected * Double(2 * bytes)) + LoadMemory.overheadBytes
        #expect(memory.need(of: "m", bytes: 2 * bytes) == after)
        #expect(memory.need(of: "other", bytes: bytes) == before)
    }

    @Test("a small load teaches nothing")
    func small() {
        let memory = LoadMemory(system: said.system, budgetBytes: nil)
        let bytes = LoadMemory.leastSeenBytes - 1
        let before = memory.need(of: "m", bytes: bytes)
        memory.learn("m", bytes: bytes, from: memory.watch())
        #expect(memory.need(of: "m", bytes: bytes) == before)
    }
}
