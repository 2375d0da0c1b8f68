import Foundation
import Testing

@testable import Bench

@Suite("Measured process")
struct MeasuredProcessTests {
    @Test("a line of proc is read, whatever the program is called")
    func stat() throws {
        let line = "42 (a) (b c) S 7 42 42 0 -1 4194560 10 20 0 0 100 30 5 1 20 0 8 0 99 1000 250 9"
        let stat = try #require(MeasuredProcess.Stat(line))
        #expect(stat.parent == 7 && stat.ticks == 136 && stat.pages == 250)
    }

    @Test("a line that is not whole is none", arguments: ["", "42", "42 (a) S 7", "42 (a) S x 1"])
    func broken(line: String) {
        #expect(MeasuredProcess.Stat(line) == nil)
    }

    @Test("this process has memory and time; one that is not there has none")
    func reading() throws {
        let reading = try #require(MeasuredProcess(pid: getpid()).reading())
        #expect(reading.residentBytes > 1 << 20)
        #expect(MeasuredProcess(pid: -1).reading() == nil)
    }

    @Test("who holds a lock is named; who waits for it is not")
    func locks() {
        let locks = """
            1: FLOCK  ADVISORY  WRITE 1234 fe:00:77 0 EOF
            1: -> FLOCK  ADVISORY  WRITE 99 fe:00:78 0 EOF
            2: FLOCK  ADVISORY  WRITE 4321 fe:00:78 0 EOF
            3: POSIX  ADVISORY  READ

            """
        #expect(LockHolder.pid(inode: 78, locks) == 4321)
        #expect(LockHolder.pid(inode: 77, locks) == 1234)
        #expect(LockHolder.pid(inode: 7, locks) == nil)
    }
}
